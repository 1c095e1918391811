"""The first import of JAX, by the commands that compute."""

from ..errors import UserError


def start_jax() -> None:
    """Import JAX; raise `UserError` if it refuses the value of a variable JAX_*."""
    try:
        import jax  # noqa: F401  # reads the variables
    except ValueError as error:
        raise UserError(f"JAX does not start: {error}") from error
