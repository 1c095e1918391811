"""Cases measured in a process of their own, so that one that dies costs itself alone."""
