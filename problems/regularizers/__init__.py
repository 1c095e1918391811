"""Regularisers, in a folder for each family."""
