"""How devices are reached: one file for each kind of driver."""
