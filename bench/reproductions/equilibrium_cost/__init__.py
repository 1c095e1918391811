"""What hypergradients of a DRUNet inside forward-backward iterations cost."""
