"""Super-resolution networks, which enlarge photos."""

from zoo.super_resolution.ecbsr import ECBSR
from zoo.super_resolution.fsrcnn import FSRCNN
from zoo.super_resolution.srcnn import SRCNN
from zoo.super_resolution.super_resolution import SuperResolution

__all__ = ["ECBSR", "FSRCNN", "SRCNN", "SuperResolution"]
