"""Correlations with small filters, each the transpose of another, in the form that a backend runs fast.

With filters F, an image x of c channels and responses r there is one trilinear form, sum_kcabij F[k,c,a,b]
r[k,i,j] x[c,i+a,j+b]. Each of its three derivatives is a primitive here, so that any derivative of one, of
any order, is another one in its own fast form, and none keeps a patch matrix for the way back. A
`jax.custom_vjp` would do this for reverse mode alone; Hessian-vector products need both.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from ..arrays.mesh_axes import differing_as
from .correlation_product import correlate_by_product, filter_gradient_by_product, spread_by_product

SMALL = 32 * 32
"""Images of fewer pixels are convolved: there compilation costs more than running."""

Form = Callable[[Float[Array, "..."], Float[Array, "..."]], Float[Array, "..."]]

_LAYOUT = ("NHWC", "HWIO", "NHWC")


def correlate(filters: Float[Array, "k s s"], x: Float[Array, "H W"]) -> Float[Array, "k H-s+1 W-s+1"]:
    """Correlate an image with every filter: r[k, i, j] = sum_ab filters[k, a, b] x[i + a, j + b].

    On the CPU images of `SMALL` pixels and more go through matrix products of tiles, which are faster there
    than XLA's convolution, most of all inside loops (`hgb reproduce filter-bank-speed` measures it); smaller
    ones, all images on other devices, and all that XLA divides among several devices are convolved. Raises
    `TypeError` if the dtypes differ.
    """
    return correlate_channels(filters[:, None], x[None])


def correlate_channels(
    filters: Float[Array, "k c s s"], x: Float[Array, "c H W"]
) -> Float[Array, "k H-s+1 W-s+1"]:
    """Correlate an image of c channels: r[k, i, j] = sum_cab filters[k, c, a, b] x[c, i + a, j + b].

    The rule for the form is that of `correlate`. Raises `TypeError` if the dtypes differ.
    """
    return _correlate.bind(*_alike(filters[None], x[None, None]))[0, 0]


def spread(filters: Float[Array, "k s s"], r: Float[Array, "k h w"]) -> Float[Array, "h+s-1 w+s-1"]:
    """Transpose `correlate`: x[i + a, j + b] = sum over k, a and b of filters[k, a, b] r[k, i, j].

    The rule for the form is the same. Raises `TypeError` if the dtypes differ.
    """
    return spread_channels(filters[:, None], r)[0]


def spread_channels(
    filters: Float[Array, "k c s s"], r: Float[Array, "k h w"]
) -> Float[Array, "c h+s-1 w+s-1"]:
    """Transpose `correlate_channels`: x[c, i + a, j + b] = sum_kab filters[k, c, a, b] r[k, i, j].

    The rule for the form is that of `correlate`. Raises `TypeError` if the dtypes differ.
    """
    return _spread.bind(*_alike(filters[None], r[None, None]))[0, 0]


def _alike(filters: Array, images: Array) -> tuple[Array, Array]:
    """Give both one type inside `jax.shard_map`: a gradient by shared filters is then the devices' sum."""
    return differing_as((filters, images), (filters, images))


def _correlate_by_convolution(filters: Array, x: Array) -> Array:
    return jnp.moveaxis(_convolve(jnp.moveaxis(x, 1, -1), filters.transpose(2, 3, 1, 0)), -1, 1)


def _spread_by_convolution(filters: Array, r: Array) -> Array:
    kernel = jnp.flip(filters, (2, 3)).transpose(2, 3, 0, 1)
    margin = filters.shape[-1] - 1
    return jnp.moveaxis(_convolve(jnp.moveaxis(r, 1, -1), kernel, margin), -1, 1)


def _filter_gradient_by_convolution(r: Array, x: Array) -> Array:
    """Convolve with the responses as kernel; the batch is what the convolution sums over."""
    return _convolve(x.transpose(1, 2, 3, 0), r.transpose(2, 3, 0, 1)).transpose(3, 0, 1, 2)


def _convolve(x: Array, kernel: Array, margin: int = 0) -> Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(1, 1),
        padding=[(margin, margin)] * 2,
        dimension_numbers=_LAYOUT,
        precision=lax.Precision.HIGHEST,
    )


# The operands of the primitives, with g groups of filters and n images a group: filters (g, k, c, s, s),
# images (g, n, c, H, W), responses (g, n, k, h, w).


def _primitive(
    name: str, product: Form, convolution: Form, shape: Callable[..., tuple[int, ...]]
) -> Primitive:
    """Make a primitive: the shape of its result, its two forms, and the way a batch joins its operands."""
    primitive = Primitive(name)

    def abstract(first: Any, second: Any) -> ShapedArray:
        if first.dtype != second.dtype:
            raise TypeError(f"{name} needs operands of one dtype; got {first.dtype} and {second.dtype}")
        # With all else that a type says, such as along which axes of a mesh devices differ.
        return second.update(shape=shape(first.shape, second.shape), weak_type=False)

    def on_cpu(first: Float[Array, "g ..."], second: Float[Array, "g ..."]) -> Float[Array, "g ..."]:
        large = max(first.shape[-1] * first.shape[-2], second.shape[-1] * second.shape[-2]) >= SMALL
        return _group_by_group(product, first, second) if large else _by_group(convolution, first, second)

    primitive.def_abstract_eval(abstract)
    compiled = jax.jit(primitive.bind)

    def alone(first: Float[Array, "g ..."], second: Float[Array, "g ..."]) -> Float[Array, "g ..."]:
        # Under `jax.disable_jit` too, as JAX's own operations are: else `compiled` would be this function.
        with jax.disable_jit(False):
            return compiled(first, second)

    primitive.def_impl(alone)
    by_convolution = mlir.lower_fun(functools.partial(_by_group, convolution), multiple_results=False)
    mlir.register_lowering(primitive, by_convolution)
    product_or_convolution = mlir.lower_fun(on_cpu, multiple_results=False)

    def on_cpus(context: mlir.LoweringRuleContext, first: Any, second: Any) -> Any:
        # XLA divides a convolution among devices by rows; of tiles it would give each device all images.
        return (by_convolution if _is_divided(context) else product_or_convolution)(context, first, second)

    mlir.register_lowering(primitive, on_cpus, platform="cpu")
    return primitive


def _is_divided(context: mlir.LoweringRuleContext) -> bool:
    """Tell whether the compiler may divide arrays among devices; inside `jax.shard_map` they are divided."""
    axes = context.module_context.axis_context
    return isinstance(axes, mlir.ShardingContext) and axes.num_devices > 1


def _by_group(
    form: Form, first: Float[Array, "g ..."], second: Float[Array, "g ..."]
) -> Float[Array, "g ..."]:
    if first.shape[0] == 1:
        return form(first[0], second[0])[None]
    return jax.vmap(form)(first, second)


def _group_by_group(
    form: Form, first: Float[Array, "g ..."], second: Float[Array, "g ..."]
) -> Float[Array, "g ..."]:
    """Take one group after the other: each has tiles of its own."""
    if first.shape[0] == 1:
        return form(first[0], second[0])[None]
    return lax.map(lambda pair: form(*pair), (first, second))


def _batch_as_images(primitive: Primitive, arguments: Any, axes: Any) -> tuple[Array, int]:
    """Batch a map of images: more images under shared filters, or more groups."""
    filters, images = arguments
    if axes[0] is not None:
        return _batch_as_groups(primitive, arguments, axes)
    images = jnp.moveaxis(images, axes[1], 1)
    groups, size, number = images.shape[:3]
    out = primitive.bind(filters, images.reshape(groups, size * number, *images.shape[3:]))
    return out.reshape(groups, size, number, *out.shape[2:]), 1


def _batch_as_groups(primitive: Primitive, arguments: Any, axes: Any) -> tuple[Array, int]:
    size = next(a.shape[axis] for a, axis in zip(arguments, axes, strict=True) if axis is not None)
    groups = []
    for argument, axis in zip(arguments, axes, strict=True):
        if axis is None:
            spread = jnp.broadcast_to(argument, (size, *argument.shape))
        else:
            spread = jnp.moveaxis(argument, axis, 0)
        groups.append(spread.reshape(-1, *spread.shape[2:]))
    out = primitive.bind(*groups)
    return out.reshape(size, -1, *out.shape[1:]), 0


_correlate = _primitive(
    "correlate",
    correlate_by_product,
    _correlate_by_convolution,
    lambda f, x: (*x[:2], f[1], x[3] - f[3] + 1, x[4] - f[4] + 1),
)
_spread = _primitive(
    "spread",
    spread_by_product,
    _spread_by_convolution,
    lambda f, r: (*r[:2], f[2], r[3] + f[3] - 1, r[4] + f[4] - 1),
)
_filter_gradient = _primitive(
    "filter_gradient",
    filter_gradient_by_product,
    _filter_gradient_by_convolution,
    lambda r, x: (r[0], r[2], x[2], x[3] - r[3] + 1, x[4] - r[4] + 1),
)
batching.primitive_batchers[_correlate] = functools.partial(_batch_as_images, _correlate)
batching.primitive_batchers[_spread] = functools.partial(_batch_as_images, _spread)
batching.primitive_batchers[_filter_gradient] = functools.partial(_batch_as_groups, _filter_gradient)

# Each rule takes the cotangent and both operands; the one that is asked for is a placeholder with its shape.
ad.defbilinear(
    _correlate,
    lambda r, filters, x: _filter_gradient.bind(r, x),  # noqa: ARG005
    lambda r, filters, x: _spread.bind(filters, r),  # noqa: ARG005
)
ad.defbilinear(
    _spread,
    lambda x, filters, r: _filter_gradient.bind(r, x),  # noqa: ARG005
    lambda x, filters, r: _correlate.bind(filters, x),  # noqa: ARG005
)
ad.defbilinear(
    _filter_gradient,
    lambda filters, r, x: _correlate.bind(filters, x),  # noqa: ARG005
    lambda filters, r, x: _spread.bind(filters, r),  # noqa: ARG005
)
