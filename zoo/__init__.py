"""Neural networks that cut out, recolour, clean, enlarge, generate, edit and stylise product pictures."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.classifier import Classifier
    from zoo.cleaning import Cleaner
    from zoo.conditional_vae import ConditionalVAE
    from zoo.cutout import Cutout
    from zoo.dcgan import DCGAN
    from zoo.latent_flow import Autoencoder, LatentFlow
    from zoo.recolour import Recolour
    from zoo.stitching import Stitcher
    from zoo.style import StyleTransfer
    from zoo.super_resolution import ECBSR, FSRCNN, SRCNN, SuperResolution

# Read by setup.py, as text.
__version__ = "0.1.0"

# The module of each class, imported on first access, because it imports TensorFlow.
_MODULES = {
    "Autoencoder": "zoo.latent_flow",
    "Classifier": "zoo.classifier",
    "Cleaner": "zoo.cleaning",
    "ConditionalVAE": "zoo.conditional_vae",
    "Cutout": "zoo.cutout",
    "DCGAN": "zoo.dcgan",
    "ECBSR": "zoo.super_resolution",
    "FSRCNN": "zoo.super_resolution",
    "LatentFlow": "zoo.latent_flow",
    "Recolour": "zoo.recolour",
    "SRCNN": "zoo.super_resolution",
    "Stitcher": "zoo.stitching",
    "StyleTransfer": "zoo.style",
    "SuperResolution": "zoo.super_resolution",
}

__all__ = [
    "DCGAN",
    "ECBSR",
    "FSRCNN",
    "SRCNN",
    "Autoencoder",
    "Classifier",
    "Cleaner",
    "ConditionalVAE",
    "Cutout",
    "LatentFlow",
    "Recolour",
    "Stitcher",
    "StyleTransfer",
    "SuperResolution",
    "__version__",
]


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
