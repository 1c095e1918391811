"""Hypergradients on one device and on four: a script that prints, as lines of JSON, how far they are apart.

JAX takes the processor for four devices before it starts, so that tests run it in a process of its own.
"""

import dataclasses
import json
import math
import re
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from hypergrad_bench import hypergrad, problems, solvers

COUNT, AXIS = 4, "batch"
SHAPE = (64, 32)
"""Of the image that devices share by rows."""
WHOLE = re.compile(r" = ([^=]*?) (?:all-gather|all-reduce)(?:-start)?\(")
BUDGET = solvers.Budget(500, 1e-7)
RULES = {
    "checked": (hypergrad.Checked(hypergrad.ClosedForm()), solvers.DualFista()),
    "fixed-point": (
        hypergrad.Implicit(linear=solvers.AndersonRichardson(), on="fixed-point"),
        solvers.DualFista(),
    ),
    "forward-mode": (hypergrad.ForwardMode(), solvers.DualFista()),
    "implicit": (hypergrad.Implicit(), solvers.GradientDescent()),
    "one-step": (hypergrad.OneStep(), solvers.DualFista()),
    "phantom": (hypergrad.Phantom(), solvers.DualFista()),
    "piggyback": (hypergrad.Piggyback(), solvers.GradientDescent()),
    "restarted": (hypergrad.Restarted(), solvers.DualFista()),
    "shine": (hypergrad.Shine(), solvers.Lbfgs()),
    "spsa": (hypergrad.Spsa(samples=2), solvers.DualFista()),
    "support-reduced": (hypergrad.SupportReduced(), solvers.DualFista()),
    "unrolled": (hypergrad.Unrolled(), solvers.DualFista()),
}

DIVIDED = {"implicit", "one-step", "unrolled"}
"""The rules whose batch XLA divides here too, since it keeps whatever a program means: one of each kind."""


class Batch(NamedTuple):
    """Images with a regulariser that all share, and their truths."""

    regularizer: Any
    y: jax.Array
    truths: jax.Array


def signals() -> Batch:
    """Noisy signals of four numbers with an l1 norm of a learned W."""
    truths = jnp.asarray(problems.PiecewiseConstant(0.3).sample((4,), COUNT, 0))
    start = problems.AnalysisL1.initial((4,), 0)
    y = problems.measure(problems.Denoising(noise=0.1), truths, 0)[1]
    return Batch(problems.AnalysisL1(start.W, jnp.asarray(0.1)), y, truths)


def images() -> Batch:
    """Noisy crops of 4 x 4 with two small filters."""
    truths = jnp.asarray(problems.Photographs().sample((4, 4), COUNT, 0))
    filters = jnp.asarray([[[1.0, -1.0], [0.0, 0.0]], [[1.0, 0.5], [-1.0, 0.2]]])
    y = problems.measure(problems.Denoising(noise=0.1), truths, 0)[1]
    return Batch(problems.FieldsOfExperts(filters, jnp.full(2, 0.1)), y, truths)


def loss_of(name: str, **changes: Any) -> tuple[Callable[..., jax.Array], Batch]:
    """The squared error of one image restored by a rule, and the first batch that the rule supports."""
    rule, solver = RULES[name]
    rule = dataclasses.replace(rule, **changes)
    budget = solvers.Budget(20) if rule.traits.uses_every_step else BUDGET

    def lower_of(regularizer: Any, y: jax.Array) -> problems.LowerLevel:
        return problems.LowerLevel(problems.Identity(), y, regularizer)

    def loss(regularizer: Any, y: jax.Array, truth: jax.Array) -> jax.Array:
        return jnp.sum((rule(solver, budget, lower_of(regularizer, y)).x - truth) ** 2)

    for batch in (signals(), images()):
        lower = lower_of(batch.regularizer, batch.y[0])
        if solver.supports(lower) is None and rule.supports(solver, lower) is None:
            return loss, batch
    raise AssertionError(f"{name} supports neither batch")


def in_turn(loss: Callable[..., jax.Array], batch: Batch) -> Any:
    """The batch's loss and hypergradient on one device, image by image."""
    one = jax.jit(jax.value_and_grad(loss))
    each = [one(batch.regularizer, *pair) for pair in zip(batch.y, batch.truths, strict=True)]
    return jax.tree.map(lambda *parts: sum(parts), *each)


def summed(loss: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """The loss of a batch."""
    return lambda *batch: jnp.sum(jax.vmap(loss, (None, 0, 0))(*batch))


def mesh() -> Mesh:
    """All devices in a row."""
    return Mesh(np.asarray(jax.devices()), (AXIS,))


def divided(loss: Callable[..., jax.Array]) -> Callable[..., Any]:
    """Leave the division to XLA: each device has its part of the images and all of the regulariser."""
    shared, whole = NamedSharding(mesh(), P(AXIS)), NamedSharding(mesh(), P())
    return jax.jit(jax.value_and_grad(summed(loss)), in_shardings=(whole, shared, shared))


def mapped(loss: Callable[..., jax.Array], **settings: Any) -> jax.stages.Wrapped:
    """Map the devices over the parts, add their losses, and take the gradient of the sum."""

    def total(*batch: Any) -> jax.Array:
        return jax.lax.psum(summed(loss)(*batch), AXIS)

    specs = {"in_specs": (P(), P(AXIS), P(AXIS)), "out_specs": P()}
    return jax.jit(jax.value_and_grad(jax.shard_map(total, mesh=mesh(), **specs, **settings)))


def distance(found: Any, exact: Any) -> float:
    """The largest relative distance of two trees' arrays, of which none is zero."""
    pairs = zip(*(map(np.asarray, jax.tree.leaves(tree)) for tree in (found, exact)), strict=True)
    return max(float(np.linalg.norm(one - two) / np.linalg.norm(two)) for one, two in pairs)


def of_rules() -> None:
    """Print each rule's distances to one device's loss and hypergradient."""
    for name in RULES:
        loss, batch = loss_of(name)
        exact = in_turn(loss, batch)
        ways = (mapped, divided) if name in DIVIDED else (mapped,)
        say(name, {way.__name__: distance(way(loss)(*batch), exact) for way in ways})


def of_filters() -> None:
    """Print the same of a bank of filters alone, small and in the form for large images."""
    for side in (6, 32):
        generator = np.random.default_rng(side)
        y = jnp.asarray(generator.normal(size=(COUNT, side, side)))
        batch = Batch(jnp.asarray(generator.normal(size=(2, 3, 3))), y, 0.5 * y)

        def loss(filters: jax.Array, y: jax.Array, truth: jax.Array) -> jax.Array:
            bank = problems.FilterBank(filters)
            return jnp.sum((bank.adjoint(bank(y)) - truth) ** 3)

        say(f"filters-{side}", {"mapped": distance(mapped(loss)(*batch), in_turn(loss, batch))})


def of_gradients_inside() -> None:
    """Print what `hypergradient` gives on each device, added up by hand."""
    loss_of_all, batch = loss_of("one-step")
    rule, solver = RULES["one-step"]

    def found(regularizer: Any, y: jax.Array, truth: jax.Array) -> Any:
        lower = problems.LowerLevel(problems.Identity(), y, regularizer)
        one = hypergrad.hypergradient(rule, solver, BUDGET, lower, lambda x: jnp.sum((x - truth) ** 2))
        return one.value, one.gradient.regularizer

    def total(*batch: Any) -> Any:
        each = jax.vmap(found, (None, 0, 0))(*batch)
        return jax.lax.psum(jax.tree.map(lambda part: part.sum(0), each), AXIS)

    program = jax.shard_map(total, mesh=mesh(), in_specs=(P(), P(AXIS), P(AXIS)), out_specs=P())
    say("inside", {"mapped": distance(jax.jit(program)(*batch), in_turn(loss_of_all, batch))})


def of_what_is_refused() -> None:
    """Print the sentences."""
    loss, batch = loss_of("fixed-point", linear=solvers.Gmres())
    for check in (True, False):
        say(f"gmres-{check}", {"said": refusal(mapped(loss, check_vma=check).trace, *batch)})
    lower, _ = learning()
    blurred = lower.replace(A=problems.Blur(jnp.ones((3, 3))))
    say("blur", {"said": refusal(problems.shared_by_rows, blurred, SHAPE, jax.devices())})


def learning() -> tuple[problems.LowerLevel, np.ndarray]:
    """A noisy image with two small filters that cross the borders between devices, and its truth."""
    generator = np.random.default_rng(0)
    truth = generator.normal(size=SHAPE).cumsum(axis=0)
    filters = jnp.asarray(generator.normal(size=(2, 3, 3)))
    y = jnp.asarray(truth + generator.normal(size=SHAPE))
    regularizer = problems.FieldsOfExperts(filters, jnp.full(2, 0.1), boundary="replicate")
    return problems.LowerLevel(problems.Identity(), y, regularizer), truth


def solved_on(devices: list[Any]) -> tuple[jax.stages.Compiled, Any]:
    """The compiled program of solution and hypergradient, and what it gives."""
    lower, truth = problems.shared_by_rows(learning(), SHAPE, devices)

    def loss(lower: problems.LowerLevel, truth: jax.Array) -> tuple[jax.Array, jax.Array]:
        x = hypergrad.Implicit()(solvers.Nesterov(), solvers.Budget(500, 1e-9), lower).x
        return jnp.sum((x - truth) ** 2), x

    program = jax.jit(jax.value_and_grad(loss, has_aux=True)).lower(lower, truth).compile()
    (_, x), gradient = program(lower, truth)
    return program, (x, gradient)


def whole_results(program: str) -> list[int]:
    """The sizes of what a compiled program leaves the same on every device."""
    sizes = re.findall(r"\[([\d,]+)\]", " ".join(WHOLE.findall(program)))
    return [math.prod(map(int, size.split(","))) for size in sizes]


def of_one_image() -> None:
    """Print distances, the largest result that every device has whole, and bytes a device."""
    (alone, one), (program, four) = solved_on(jax.devices()[:1]), solved_on(jax.devices())
    text = program.as_text()
    say(
        "image",
        {
            "x": distance(four[0], one[0]),
            "gradient": distance(four[1], one[1]),
            "whole": max(whole_results(text)),
            "halos": text.count(" collective-permute("),
            "bytes": [one.memory_analysis().temp_size_in_bytes for one in (alone, program)],
        },
    )


def refusal(call: Callable[..., Any], *arguments: Any) -> str:
    """What a call that must fail says."""
    try:
        call(*arguments)
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def say(name: str, found: dict[str, Any]) -> None:
    """Write a line."""
    sys.stdout.write(json.dumps({"name": name} | found) + "\n")


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    jax.config.update("jax_numpy_rank_promotion", "raise")
    for part in (of_rules, of_filters, of_gradients_inside, of_what_is_refused, of_one_image):
        part()
