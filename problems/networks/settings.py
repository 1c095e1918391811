"""Settings of the networks, and what is accepted for them."""

from typing import Any, Literal, get_args

Activation = Literal["relu", "elu", "softplus"]


def require_layers(owner: Any) -> None:
    """Raise `ValueError` unless `channels` is a whole number above 0 and `activation` is known."""
    require_count("channels", owner.channels)
    if owner.activation not in get_args(Activation):
        raise ValueError(f"activation must be one of {get_args(Activation)}; got {owner.activation!r}")


def require_count(name: str, value: Any, least: int = 1) -> None:
    """Raise `ValueError` unless `value` is a whole number, at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be a whole number, at least {least}; got {value!r}")
