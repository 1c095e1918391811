"""How a fields-of-experts energy's derivatives vary over a ball: local and directional bounds."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...operators.dense import Dense
from ...operators.filter_bank import FilterBank
from .potentials import BoundedPotential
from .sorted_budget import largest_sum


class ExpertSensitivity(NamedTuple):
    """The bounds of `Sensitivity` for R(x) = sum_k weights_k sum_i potential((W_k x)_i), potential convex.

    For x' in the ball the responses move by delta = W (x' - x), of which two things are known: each entry of
    delta_k is at most row_k radius, row_k the largest norm of a row of W_k, and ||sqrt(weights) delta|| is at
    most the norm of sqrt(weights) W times the radius. With T_i the largest third derivative between the two
    responses, the potential's second derivative moves by at most T_i |delta_i|.

    Costs s^2 products with the bank and holds s^2 + 1 images per filter: for s x s filters on images of up to
    some 10^5 pixels. Source: this project; the chain of estimates is Ehrhardt and Roberts, 2024.

    Attributes:
        bank: W.
        weights: one per filter.
        potential: with a bound of its third derivative.
        x: the centre.
        radius: of the ball, a scalar.
    """

    bank: FilterBank
    weights: Float[Array, " k"]
    potential: BoundedPotential
    x: Float[Array, "h w"]
    radius: Float[Array, ""]

    def hessian_change(self, v: Float[Array, "h w"]) -> Float[Array, ""]:
        """Bound ||W^T weights (phi''(W x') - phi''(W x)) W v|| by the worst delta, found in closed form."""
        squared = jnp.square(self.bank(v))
        norm = self._weighted_norm()
        caps = jnp.broadcast_to(_each(self.weights * jnp.square(self._rows())), squared.shape)
        gain = squared * jnp.square(self._steepest())
        moving = self.radius * jnp.sqrt(largest_sum(gain.ravel(), caps.ravel(), jnp.square(norm)))
        # Far away the second derivative, which lies between 0 and the curvature, is a better bound.
        still = self.potential.curvature * jnp.sqrt(jnp.sum(_each(self.weights) * squared))
        return norm * jnp.minimum(moving, still)

    def mixed_change(self, v: Float[Array, "h w"]) -> Float[Array, ""]:
        """Bound the change of the cotangents of filters and weights for a fixed v."""
        return jnp.hypot(self._change_by_weights(v), self._change_by_filters(v))

    def mixed_norm(self) -> Float[Array, ""]:
        """Bound ||J(x')|| by ||J(x)||, of the explicit matrix, and the change per unit vector."""
        return _norm(self._mixed_matrix()) + self._largest_change()

    def _change_by_weights(self, v: Array) -> Array:
        """Bound the vector of <W_k v, phi'(W_k x') - phi'(W_k x)> to second order in delta."""
        u = self.bank(v)
        linear = _by_filter(self.bank, self._second() * u)
        first = _norm(linear.reshape(linear.shape[0], -1)) * self.radius
        steepest = jnp.max(self._steepest() * jnp.abs(u), axis=(1, 2))
        second = 0.5 * jnp.sqrt(jnp.sum(jnp.square(steepest * self._moves() ** 2)))
        # To first order with the largest second derivative: better far away.
        crude = self.potential.curvature * jnp.sqrt(jnp.sum(jnp.square(_norms(u) * self._moves())))
        return jnp.minimum(first + second, crude)

    def _change_by_filters(self, v: Array) -> Array:
        """Bound weights_k [V^T change(phi'(W_k x)) + X^T change(phi''(W_k x)) W_k v + D^T phi'' W_k v].

        X, V and D hold the patches of x, v and x' - x. The first two sum over pixels what is at most
        |V| C |delta| and |X| T |W v| |delta|, C the largest second derivative on the way: bounded by the norm
        of the matrix that multiplies |delta|. The third is linear in x' - x with a known matrix, but for the
        change of phi'', whose part is of second order.
        """
        u, second, steepest = self.bank(v), self._second(), self._steepest()
        reached = jnp.minimum(second + steepest * _each(self._rows()) * self.radius, self.potential.curvature)
        patches = _patches(self.bank)
        of_x, of_v = jnp.abs(patches(self.x)), jnp.abs(patches(v))
        # Shape (k, s^2, pixels).
        onto = of_v[None] * reached[:, None] + of_x[None] * (steepest * jnp.abs(u))[:, None]
        sums = jax.vmap(_norm)(onto.reshape(*onto.shape[:2], -1))
        moved = jax.vmap(_norm)(_shifts(self.bank, second * u)) * self.radius
        turning = jnp.max(steepest * jnp.abs(u), axis=(1, 2)) * self._moves()
        turning = jnp.minimum(turning, self.potential.curvature * _norms(u))
        further = _patch_norm(self.bank, self.x.shape) * self.radius * turning
        each = self.weights * (sums * self._moves() + moved + further)
        return jnp.sqrt(jnp.sum(jnp.square(each)))

    def _mixed_matrix(self) -> Array:
        """Return J(x)^T: a row for each weight and for each tap of each filter."""
        responses = self.bank(self.x)
        first, second = self.potential.derivative(responses), self._second()
        by_weight = _by_filter(self.bank, first)
        of_x = _patches(self.bank)(self.x)

        def by_filter_of(patch: Float[Array, "h w"]) -> Float[Array, "k h w"]:
            return _by_filter(self.bank, second * patch[None])

        through = jnp.moveaxis(jax.vmap(by_filter_of)(of_x), 0, 1)
        through = through.reshape(*through.shape[:2], -1) + _shifts(self.bank, first)
        by_filter = self.weights[:, None, None] * through
        return jnp.concatenate([by_weight.reshape(len(by_weight), -1), by_filter.reshape(-1, self.x.size)])

    def _largest_change(self) -> Array:
        """Bound ||J(x') - J(x)||, term by term as `_change_by_filters` does but for any unit v."""
        norms, curvature = jnp.sqrt(self._squares()), self.potential.curvature
        of_x = jnp.sqrt(jnp.sum(jnp.square(_patches(self.bank)(self.x)), axis=0))
        steepest = jnp.max(of_x[None] * self._steepest(), axis=(1, 2))
        patch = _patch_norm(self.bank, self.x.shape)
        by_filter = self.weights * norms * (2 * curvature * patch + steepest * norms)
        by_weight = curvature * jnp.square(norms)
        return self.radius * jnp.sqrt(jnp.sum(jnp.square(by_filter)) + jnp.sum(jnp.square(by_weight)))

    def _second(self) -> Array:
        responses = self.bank(self.x)
        return jax.jvp(self.potential.derivative, (responses,), (jnp.ones_like(responses),))[1]

    def _steepest(self) -> Array:
        """Return T, one per response."""
        responses = self.bank(self.x)
        reach = jnp.broadcast_to(_each(self._rows()) * self.radius, responses.shape)
        return self.potential.steepest(responses, reach)

    def _rows(self) -> Array:
        # A pixel that comes so often along each axis into one window makes the norm larger by no more.
        most = {"reflect": 2.0, "replicate": self.bank.filters.shape[1] // 2 + 1.0}
        return most.get(self.bank.boundary, 1.0) * jnp.sqrt(
            jnp.sum(jnp.square(self.bank.filters), axis=(1, 2))
        )

    def _squares(self) -> Array:
        """Return ||W_k||^2."""
        return jax.vmap(lambda taps: FilterBank(taps[None], self.bank.boundary).squared_norm(self.x.shape))(
            self.bank.filters
        )

    def _moves(self) -> Array:
        """Bound ||delta_k||."""
        return jnp.sqrt(self._squares()) * self.radius

    def _weighted_norm(self) -> Array:
        weighted = self.bank.filters * jnp.sqrt(_each(self.weights))
        return jnp.sqrt(FilterBank(weighted, self.bank.boundary).squared_norm(self.x.shape))


def _each(numbers: Array) -> Array:
    return numbers[:, None, None]


def _norms(responses: Array) -> Array:
    return jnp.sqrt(jnp.sum(jnp.square(responses), axis=(1, 2)))


def _norm(matrix: Array) -> Array:
    return jnp.sqrt(Dense(matrix).squared_norm(matrix.shape[1:]))


def _units(bank: FilterBank) -> FilterBank:
    """Return the bank whose responses are all the shifts of an image that the filters see."""
    size = bank.filters.shape[1]
    return FilterBank(jnp.eye(size * size, dtype=bank.filters.dtype).reshape(-1, size, size), bank.boundary)


def _patches(bank: FilterBank) -> FilterBank:
    return _units(bank)


def _patch_norm(bank: FilterBank, shape: tuple[int, ...]) -> Array:
    return jnp.sqrt(_units(bank).squared_norm(shape))


def _shifts(bank: FilterBank, responses: Array) -> Array:
    """Return for each filter the matrix of  d -> sum_i patches(d)_i responses_i, shape (k, s^2, pixels)."""
    units = _units(bank)
    every = jnp.broadcast_to(responses[:, None], (len(responses), len(units.filters), *responses.shape[1:]))
    filtered = jax.vmap(lambda responses: _by_filter(units, responses))(every)
    return filtered.reshape(*filtered.shape[:2], -1)


def _by_filter(bank: FilterBank, responses: Array) -> Array:
    """Apply each filter's adjoint to its own responses, without the sum over filters."""
    return jax.vmap(lambda taps, r: FilterBank(taps[None], bank.boundary).adjoint(r[None]))(
        bank.filters, responses
    )
