"""What rules do over a history, held against what somebody expects, promises or did before."""
