"""What hypergradients and the harness cost past the machines at hand: models, their check, a simulation."""
