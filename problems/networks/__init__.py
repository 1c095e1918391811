"""Denoising networks, their checkpoints, and the weights that come with the package."""

from .checkpoints import load_drunet as load_drunet
from .checkpoints import save_drunet as save_drunet
from .dncnn import DnCnn as DnCnn
from .drunet import Drunet as Drunet
from .network import Network as Network
from .network import Parameters as Parameters
from .shipped import SMALL as SMALL
from .shipped import Shipped as Shipped
from .shipped import shipped_weights as shipped_weights
