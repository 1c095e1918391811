"""Untied against tied filters, trained as equilibrium models: who fits better, and who generalises."""
