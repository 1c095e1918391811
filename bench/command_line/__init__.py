"""What `hgb` accepts and says of itself: options, help and completion, which need no JAX.

Every command imports what it runs, from `commands`, when it is called.
"""
