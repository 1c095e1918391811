"""How much may be asked for at once; the command line says so before anything is imported."""

MOST_ROUNDS = 10_000
"""Timing rounds at most: quartiles of more say nothing new, and a run would not end."""

MOST_STEPS = 2**31 - 1
"""Steps at most: they are counted in 32 bits."""

MOST_SEEDS = 10_000
"""More would take days, and the plan alone hours: a slip, or a damaged file."""

MOST_MEMORY = 2.0**30
"""GiB: as bytes, more would be beyond the largest float sooner or later."""

LARGEST_SEED = 2**32 - 1
"""Of a training: all of its random streams begin at 32 bits."""
