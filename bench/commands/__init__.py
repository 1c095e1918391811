"""The commands of `hgb`, one file each."""
