"""The models against measured curves: figures from some sizes, predictions of others that had no part."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from . import experts_points, reproduced_points
from .figure_fit import CostPoint, Misjudged, fit_device, misjudged, own_factors
from .program_cost import KINDS, DeviceFigures


@dataclass(frozen=True)
class CurveCheck:
    """A set of measured programs, some of which give the figures that predict the others.

    Attributes:
        name: in tables.
        sentence: what the programs are, which of them are known, and which are predicted.
        known: those that figures and factors are learned from.
        held_out: those that are predicted.
        kinds: of work that may take time.
    """

    name: str
    sentence: str
    known: tuple[CostPoint, ...]
    held_out: tuple[CostPoint, ...]
    kinds: tuple[str, ...] = KINDS

    @property
    def device(self) -> DeviceFigures | None:
        """The figures of the known programs; None where none was timed."""
        return fit_device(self.known, self.kinds) if any(point.seconds for point in self.known) else None

    def errors(self) -> dict[str, "MethodErrors"]:
        """Return the errors of every method that was predicted."""
        device = self.device
        seconds = {} if device is None else misjudged(self.held_out, device)
        scaled = {}
        if device is not None:
            scaled = misjudged(self.held_out, device, own_factors(self.known, device))
        held = misjudged(self.held_out, None)
        held_scaled = misjudged(self.held_out, None, own_factors(self.known, None))
        names = dict.fromkeys(point.method for point in self.held_out)
        return {
            name: MethodErrors(seconds.get(name), scaled.get(name), held.get(name), held_scaled.get(name))
            for name in names
        }


class MethodErrors(NamedTuple):
    """The errors of one method's predictions.

    Attributes:
        seconds: from the device's figures alone.
        seconds_scaled: times the method's own factor, from the known programs.
        held: bytes, from the counts alone.
        held_scaled: times the method's own factor.
    """

    seconds: Misjudged | None
    seconds_scaled: Misjudged | None
    held: Misjudged | None
    held_scaled: Misjudged | None


def all_checks(results: Path) -> list[CurveCheck]:
    """Return every check, from the folder of recorded results."""
    frontier = experts_points.experts_points(results / "frontier-cpu")
    default = experts_points.experts_points(results / "default-cpu")
    growing = reproduced_points.growing_image_points(results / "hypergradient-scale-cpu")
    return [
        _by_size(
            "experts, 16 to 32",
            "Fields of experts in `frontier-cpu`, all methods, float64: 16 x 16 pixels give the figures, "
            "32 x 32 are predicted. From 32 x 32 on filters are applied as matrix products in place of "
            "convolutions, so that another program is predicted.",
            frontier,
            lambda size: size <= 16 * 16,
        ),
        _by_size(
            "experts, 32 to 64",
            "Fields of experts in `default-cpu`, float64: batches of four images of 32 x 32 pixels give the "
            "figures, one of 64 x 64 is predicted.",
            default,
            lambda size: size <= 32 * 32,
        ),
        _by_size(
            "signals, 64 to 256",
            "l1 denoising with a dense operator in `default-cpu`, dual FISTA, float64: batches of 32 signals "
            "of 64 numbers give the figures, four of 256 are predicted.",
            experts_points.dense_points(results / "default-cpu"),
            lambda size: size <= 64,
        ),
        _by_size(
            "images, 64 and 128 to 1024",
            "l1 problems in `hypergradient-scale-cpu`: 64 x 64 and 128 x 128 pixels give the figures, 256 x "
            "256 to 1024 x 1024 are predicted: 8 to 64 times the pixels.",
            growing,
            lambda size: size <= 128**2,
        ),
        _by_size(
            "images, 512 to 1024",
            "The same: 512 x 512 pixels alone give the figures, 1024 x 1024 are predicted.",
            [point for point in growing if point.size >= 512**2],
            lambda size: size <= 512**2,
            ("flop", "moved_byte"),
        ),
        _by_size(
            "factors, 64 and 128 to 1024",
            "The memory of the closed form with a factor in `exact-gradient-scale-cpu`: 64 x 64 and 128 x "
            "128 pixels are known. Its rows do not say how many factors were computed, so that seconds "
            "cannot be predicted.",
            reproduced_points.factorised_points(results / "exact-gradient-scale-cpu"),
            lambda size: size <= 128**2,
        ),
        _by_size(
            "network, 10 to 1000 steps",
            "The memory of a DRUNet's hypergradients in `equilibrium-cost-cpu`, 64 x 64 pixels: 10 "
            "iterations are known, 30 to 1000 are predicted; nothing of the network was fitted.",
            [
                point
                for point in reproduced_points.network_memory_points(results / "equilibrium-cost-cpu")
                if point.size >= 10
            ],
            lambda size: size <= 10,
        ),
        _by_size(
            "network, solve to gradient",
            "The same network at 256 x 256 pixels: the seconds of its solve give the operations per second, "
            "solve with implicit gradient is predicted.",
            reproduced_points.network_seconds_points(results / "equilibrium-cost-cpu"),
            lambda size: size == 0,
            ("flop",),
        ),
        _by_size(
            "filters, small to large",
            "Loops over a bank of filters in `filter-bank-speed-cpu`, float32: the three smallest give the "
            "figures, the two largest are predicted.",
            reproduced_points.filtering_points(results / "filter-bank-speed-cpu"),
            lambda size: size <= 2,
        ),
        _by_size(
            "filters to ridge",
            "Figures of all loops over filters, and with them another problem's hypergradient: a convex "
            "ridge regulariser in `ridge-hypergradient-cpu`.",
            reproduced_points.filtering_points(results / "filter-bank-speed-cpu")
            + reproduced_points.ridge_points(results / "ridge-hypergradient-cpu"),
            lambda size: size < 10,
        ),
    ]


def _by_size(
    name: str,
    sentence: str,
    points: Sequence[CostPoint],
    is_known: Callable[[int], bool],
    kinds: tuple[str, ...] = KINDS,
) -> CurveCheck:
    known = tuple(point for point in points if is_known(point.size))
    held_out = tuple(point for point in points if not is_known(point.size))
    return CurveCheck(name, sentence, known, held_out, kinds)
