"""What actions may do to the world: requests, files, messages and registered functions, each guarded."""
