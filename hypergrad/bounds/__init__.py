"""Bounds of the error of an inexact hypergradient, and solving until one is met."""
