"""The algebra of active sets, for rules and references of l1 problems."""
