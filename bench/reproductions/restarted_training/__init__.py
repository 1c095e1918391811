"""Training by restarts, by one step and by exact gradients, at equal steps and in equal time."""
