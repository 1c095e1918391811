"""A training step of a deep equilibrium model, beside deepinv's."""
