"""Dataclasses as values: settings that compare and print, and pytrees of arrays."""
