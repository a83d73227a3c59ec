"""The built-in triggers, conditions, actions and functions: plugins like any other, through public names only."""
