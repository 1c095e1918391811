def check() -> None:
    """Stub."""
