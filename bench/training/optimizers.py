"""Optax's optimisers, by name and settings as one types them: "adam", "sgd(momentum=0.9)"."""

import inspect
from typing import Any, get_args

import jax
import optax

from ..catalogue.typed_call import TypedCall, typed_call
from ..errors import UserError
from .choices import Schedule

_RATE = "learning_rate"


def optimizer_named(text: str, rate: float, schedule: Schedule, steps: int) -> optax.GradientTransformation:
    """Return an optimiser of optax by its name, with settings in brackets if there are any.

    Args:
        text: such as "adam" or "sgd(momentum=0.9, nesterov=True)"; numbers, texts and lists are accepted.
        rate: the learning rate.
        schedule: "constant", or "cosine" for one that falls to 1% over all steps.
        steps: of the whole training.

    Raises:
        UserError: for a name or a setting that optax does not know, a rate that is not positive, or an
            unknown schedule.
    """
    call = typed_call(text, "optimiser")
    make = getattr(optax, call.name, None)
    if not (inspect.isfunction(make) and _RATE in inspect.signature(make).parameters):
        raise UserError(
            f"{call.name!r} is no optimiser of optax with a learning rate; accepted: {', '.join(_names())}"
        )
    if not 0 < rate < float("inf"):
        raise UserError(f"the learning rate must be positive and finite; got {rate}")
    if schedule not in get_args(Schedule):
        raise UserError(f"unknown schedule {schedule!r}; accepted: {', '.join(get_args(Schedule))}")
    over = optax.cosine_decay_schedule(rate, steps, 0.01) if schedule == "cosine" else rate
    return _made(call, make, over)


def require_gradient_alone(optimizer: optax.GradientTransformation, free: Any) -> None:
    """Refuse an optimiser that needs more than a gradient, such as one with a line search.

    Raises:
        TypeError: with what optax says.
    """
    try:
        jax.eval_shape(lambda: optimizer.update(free, optimizer.init(free), free))
    except TypeError as error:
        raise TypeError(f"an optimiser that needs no more than a gradient is accepted: {error}") from error


def _made(call: TypedCall, make: Any, rate: Any) -> optax.GradientTransformation:
    try:
        made = make(**{_RATE: rate}, **call.settings)
    except (TypeError, ValueError) as error:
        raise UserError(f"optax.{call.name} refuses its settings: {error}") from error
    if not isinstance(made, optax.GradientTransformation):
        raise UserError(f"optax.{call.name} makes a {type(made).__name__}, and no optimiser")
    return made


def _names() -> list[str]:
    return sorted(
        name
        for name, value in vars(optax).items()
        if inspect.isfunction(value)
        and not name.startswith("_")
        and _RATE in inspect.signature(value).parameters
    )
