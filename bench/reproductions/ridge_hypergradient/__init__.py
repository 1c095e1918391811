"""Hypergradients of ridge regularisers: a quasi-Newton and a Newton solve beside the usual line search."""
