"""What rules do to each other, and which of them can do nothing: findings, each with a history that shows it."""
