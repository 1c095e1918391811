"""Papers' claims and this project's own recorded figures, one a file: `hgb reproduce NAME`."""
