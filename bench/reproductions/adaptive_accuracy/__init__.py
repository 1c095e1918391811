"""Training with adaptive accuracies against fixed ones."""
