"""Matrices A^T A + W^T diag(d) W, stored and factorised as their structure allows."""
