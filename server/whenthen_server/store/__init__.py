"""What is kept: tables, the journal that the runtime writes to, and queries."""
