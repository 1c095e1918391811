"""References to judge a hypergradient by, each with a bound of its own error."""
