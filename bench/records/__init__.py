"""Measurements as lines of a journal that outlives whatever ends its writer."""
