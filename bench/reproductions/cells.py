"""Numbers as the cells of tables show them."""


def cell(value: float | int | str | None, form: str, missing: str = "") -> str:
    """Return a number in a format such as ".1e", a word as it is, and `missing` for none."""
    if value is None:
        return missing
    return value if isinstance(value, str) else f"{value:{form}}"
