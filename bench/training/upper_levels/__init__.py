"""Training by upper levels, which choose how accurately they solve."""
