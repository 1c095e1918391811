"""Problems on which hypergradients fail."""
