"""ELDER's claims: explicit regularisers trained as equilibrium models."""
