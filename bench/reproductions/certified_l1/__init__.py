"""Certified solutions of l1 problems, and the closed form on them."""
