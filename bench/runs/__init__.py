"""Runs and reproductions: measured into a folder from which a stopped one goes on."""
