"""What things are: readings, events, rules, firings; values that never change."""
