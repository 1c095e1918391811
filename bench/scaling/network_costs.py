"""What each rule costs with a convolutional network in the place of a regulariser's proximal operator.

A convolution of c to d channels multiplies 9 c d numbers a pixel; p parameters at full resolution make 2 p
operations a pixel and call. The way back stores the input of every convolution, and a byte for each number
that passed a ReLU.
"""

import math
from dataclasses import dataclass

from .program_cost import CALL, LOOP, Number, ProgramCost, ProgramWork
from .smooth_costs import Effort

MASK_BYTES = 1
PARAMETER_COPIES = 4
"""Parameters, their gradient, and what the compiler keeps beside it."""


@dataclass(frozen=True)
class ConvolutionalNetwork:
    """Count a network's numbers, per pixel of its input.

    Attributes:
        name: of it.
        parameters: to differentiate by.
        products: multiplications with a parameter, per pixel.
        inputs: numbers that enter convolutions, per pixel: what the way back through them needs.
        rectified: of those, numbers that come out of a ReLU.
    """

    name: str
    parameters: Number
    products: Number
    inputs: Number
    rectified: Number


def drunet(widths: tuple[int, ...] = (64, 128, 256, 512), blocks: int = 4) -> ConvolutionalNetwork:
    """Count a DRUNet on grey images, whose blocks are two convolutions with a ReLU between.

    Each scale but the coarsest has its blocks twice, once down and once up, and at half the resolution of the
    one before.
    """
    parameters = products = 9.0 * 2 * widths[0] + 9.0 * widths[0]
    inputs, rectified = 2.0 + widths[0], 0.0
    for scale, width in enumerate(widths):
        shrunk = 4.0**-scale
        times = blocks if scale == len(widths) - 1 else 2 * blocks
        parameters += times * 2 * 9 * width**2
        products += times * 2 * 9 * width**2 * shrunk
        inputs += times * 2 * width * shrunk
        rectified += times * width * shrunk
        if scale:
            # Down from the finer scale, and up to it, by 2 x 2 convolutions.
            finer = widths[scale - 1]
            parameters += 2 * 4 * finer * width
            products += 2 * finer * width * shrunk * 4
            inputs += finer * 4.0 ** -(scale - 1) + width * shrunk
    return ConvolutionalNetwork("DRUNet", parameters, products, inputs, rectified)


def dncnn(depth: int, width: int) -> ConvolutionalNetwork:
    """Count a chain of 3 x 3 convolutions at full resolution, on grey images."""
    weights = 9.0 * width**2 * (depth - 2) + 2 * 9.0 * width
    biases = width * (depth - 1) + 1
    inputs = width * (depth - 1.0) + 1
    return ConvolutionalNetwork("DnCNN", weights + biases, weights, inputs, width * (depth - 1.0))


@dataclass(frozen=True)
class NetworkProblem:
    """A batch of images, restored by forward-backward steps through a network.

    Attributes:
        network: in the place of the proximal operator.
        pixels: of one image.
        batch: of images.
        itemsize: bytes of a number.
    """

    network: ConvolutionalNetwork
    pixels: int
    batch: int = 1
    itemsize: int = 4

    @property
    def image(self) -> Number:
        """Bytes of the batch's images."""
        return float(self.itemsize * self.batch * self.pixels)

    @property
    def weights(self) -> Number:
        """Bytes of the parameters."""
        return self.itemsize * self.network.parameters

    def through(self, passes: Number) -> ProgramWork:
        """Return so many passes through the network, forward or back."""
        numbers = self.batch * self.pixels
        moved = self.weights + 2 * self.image * self.network.inputs
        return passes * ProgramWork(2 * numbers * self.network.products, moved)

    def step(self) -> ProgramWork:
        """Return a forward-backward step; its data term's transforms are lost beside the network."""
        return LOOP + self.through(1)

    def way_back(self, parameters: bool = True) -> ProgramWork:
        """Return the way back: one pass for the image's cotangent, one more for the parameters'."""
        return LOOP + self.through(2 if parameters else 1)

    @property
    def tape(self) -> Number:
        """Bytes that one step leaves for the way back."""
        masks = MASK_BYTES * self.batch * self.pixels * self.network.rectified
        return self.image * self.network.inputs + masks


def solve(problem: NetworkProblem, effort: Effort) -> ProgramCost:
    """Cost the solve alone."""
    layers = 4 * problem.image * _widest(problem)
    return ProgramCost(CALL + effort.steps * problem.step(), problem.weights + layers)


def implicit(problem: NetworkProblem, effort: Effort) -> ProgramCost:
    """Cost the fixed point's adjoint equation: a tape of one step, and K ways back through it."""
    adjoint = problem.step() + effort.adjoint_steps * problem.way_back(parameters=False)
    pull = problem.step() + problem.way_back()
    held = PARAMETER_COPIES * problem.weights + 2 * problem.tape
    return ProgramCost(solve(problem, effort).work + adjoint + pull, held)


def one_step(problem: NetworkProblem, effort: Effort) -> ProgramCost:
    """Cost one more step, and the way back through it."""
    work = solve(problem, effort).work + problem.step() + problem.way_back()
    return ProgramCost(work, PARAMETER_COPIES * problem.weights + problem.tape)


def unrolled(problem: NetworkProblem, effort: Effort) -> ProgramCost:
    """Cost reverse mode through all steps: a tape of each."""
    work = CALL + effort.steps * (problem.step() + problem.way_back())
    return ProgramCost(work, PARAMETER_COPIES * problem.weights + effort.steps * problem.tape)


def unrolled_recursive(problem: NetworkProblem, effort: Effort) -> ProgramCost:
    """Cost halving again and again: each step is made log2 T times, and two tapes are held.

    Each of the nested loops sums the parameters' cotangents up in an array of its own.
    """
    depth = max(math.log2(max(effort.steps, 2)), 1.0)
    work = CALL + effort.steps * (depth * problem.step() + problem.way_back())
    held = (PARAMETER_COPIES + depth - 1) * problem.weights + min(effort.steps, 2.0) * problem.tape
    return ProgramCost(work, held + 2 * depth * problem.image)


def one_at_a_time(problem: NetworkProblem, effort: Effort) -> ProgramCost:
    """Cost two solves for each parameter; `directions_bytes` come on top."""
    cost = solve(problem, effort)
    return ProgramCost(CALL + (2 * problem.network.parameters + 1) * cost.work, cost.held_bytes)


def _widest(problem: NetworkProblem) -> Number:
    """Return the numbers per pixel of one layer, by the mean of all: what a pass forward holds at a time."""
    return math.sqrt(problem.network.inputs)
