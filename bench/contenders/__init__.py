"""Other libraries, behind the same call as our methods."""
