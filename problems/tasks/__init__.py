"""Imaging tasks, and the kernels and masks that they take."""
