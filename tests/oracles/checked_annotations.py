"""The type checker that jaxtyping's import hook applies to the package while the tests run."""

from typing import Any, Self

from beartype import BeartypeConf, FrozenDict, beartype

# The hook decorates methods one by one, where beartype cannot know what Self is.
checked = beartype(conf=BeartypeConf(hint_overrides=FrozenDict({Self: Any})))
