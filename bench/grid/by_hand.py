"""A case as a short Python program that needs the library alone."""

import re
from typing import Any

from ... import hypergrad, problems, solvers
from .case import Case

_PROGRAM = """\
import dataclasses

import jax
import jax.numpy as jnp
{imports}

jax.config.update("jax_enable_x64", True)  # inputs are made in float64, then cast

truths = {data}.sample({shape}, {batch}, {seed})
A, y = measure({task}, truths, {seed})
regularizer = {regularizer}.initial({shape}, {seed})
{weight}A, y, regularizer, truths = jax.tree.map(
    lambda leaf: jnp.asarray(leaf).astype("{dtype}"), (A, y, regularizer, truths)
)
method = {method}
solver = {solver}
budget = {budget}


def loss(regularizer):
    solve = jax.vmap(lambda y: method(solver, budget, LowerLevel(A, y, regularizer)).x)
    return jnp.mean(jnp.square(solve(y) - truths))


value, gradient = jax.jit(jax.value_and_grad(loss))(regularizer)
print(float(value))
"""
_WEIGHT = """\
name = "weight" if hasattr(regularizer, "weight") else "weights"
weight = jnp.full_like(getattr(regularizer, name), {weight!r})
regularizer = dataclasses.replace(regularizer, **{{name: weight}})
"""
_ALWAYS = {"problems": {"LowerLevel", "measure"}}
_ROOMS = {"problems": problems, "solvers": solvers, "hypergrad": hypergrad}


def python_by_hand(case: Case) -> str:
    """Return a program that solves the case, differentiates it, and prints the loss.

    What a plug-in brings has to be imported by whoever runs it: a comment says so.
    """
    instance, contestant = case.instance, case.contestant
    texts = {
        "data": repr(instance.data),
        "task": repr(instance.task),
        "regularizer": instance.regularizer.__name__,
        "method": repr(contestant.method),
        "solver": repr(contestant.solver),
        "budget": repr(contestant.budget),
    }
    weight = "" if instance.weight is None else _WEIGHT.format(weight=instance.weight)
    program = _PROGRAM.format(
        imports=_imports(
            " ".join(texts.values()), [instance.data, instance.task, contestant.method, contestant.solver]
        ),
        shape=repr(instance.shape),
        batch=instance.batch,
        seed=instance.seed,
        dtype=instance.dtype,
        weight=weight,
        **texts,
    )
    return program if weight else program.replace("import dataclasses\n\n", "", 1)


def _imports(text: str, objects: list[Any]) -> str:
    """Import the names of a text: from the library's packages, else from where an object's class lies."""
    modules = {type(one).__name__: type(one).__module__ for one in objects}
    named: dict[str, set[str]] = {}
    unknown: list[str] = []
    for name in sorted(set(re.findall(r"\b[A-Z]\w+", text)) - {"None", "True", "False"}):
        room = next((room for room, package in _ROOMS.items() if hasattr(package, name)), None)
        if room is not None:
            named.setdefault(f"hypergrad_bench.{room}", set()).add(name)
        elif modules.get(name, "").startswith("hypergrad_bench."):
            named.setdefault(modules[name], set()).add(name)
        else:
            unknown.append(f"# {name} is a plug-in's: import it from there")
    for room, names in _ALWAYS.items():
        named.setdefault(f"hypergrad_bench.{room}", set()).update(names)
    lines = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(named.items())]
    return "\n".join([*lines, *unknown])
