"""Fields of experts: smooth potentials of filter responses."""
