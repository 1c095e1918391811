"""How fast a bank of filters is."""
