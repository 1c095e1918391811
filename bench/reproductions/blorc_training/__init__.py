"""BLORC's training experiments: what its closed form learns, how fast, and how well that denoises."""
