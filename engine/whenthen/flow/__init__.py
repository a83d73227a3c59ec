"""What happens to a reading, in order: state, index, evaluate, decide, timers."""
