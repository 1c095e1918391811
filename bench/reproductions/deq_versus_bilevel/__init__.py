"""Deep equilibrium against bilevel learning."""
