"""Compile, run, judge and time what is compared."""
