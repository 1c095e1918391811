"""Names of classes as the command line spells them."""

import re


def kebab_case(name: str) -> str:
    """Return "closed-form" for "ClosedForm", "closed_form" or "Closed-Form"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name)
    return re.sub(r"[_\s]+", "-", spaced).lower()
