"""Norms of an analysis operator's responses: l1, norms of groups, total variation, wavelets."""
