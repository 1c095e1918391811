"""The harness: cases, clock, memory, records and tables."""
