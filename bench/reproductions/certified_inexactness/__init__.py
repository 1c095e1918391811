"""Certified errors of inexact hypergradients."""
