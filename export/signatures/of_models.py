"""Which signatures a model has, and which name it is served by."""

from export.signatures.classification import classification_signatures
from export.signatures.editing import editing_signatures
from export.signatures.generation import generation_signatures
from export.signatures.signature import Signature
from export.signatures.upscaling import upscaling_signatures
from zoo.classifier import Classifier
from zoo.conditional_vae.conditional_vae import ConditionalVAE
from zoo.dcgan.dcgan import DCGAN
from zoo.super_resolution.super_resolution import SuperResolution


def make_signatures(model, isolates_rows: bool = False) -> list[Signature]:
    """Returns the signatures of a model, in the order of the contract's table.

    Args:
        model: A model of the zoo.
        isolates_rows: Whether a picture that only its decoder finds damaged is an error of its row, instead
            of failing the requests of everybody in the batch.

    Raises:
        TypeError: Nobody has said how such a model is served.
    """
    if isinstance(model, DCGAN):
        return generation_signatures(model, model)
    if isinstance(model, ConditionalVAE):
        return generation_signatures(model, model.decode) + editing_signatures(model, isolates_rows)
    if isinstance(model, SuperResolution):
        return upscaling_signatures(model, isolates_rows)
    if isinstance(model, Classifier):
        return classification_signatures(model, isolates_rows)
    raise TypeError(
        "Served are DCGAN, ConditionalVAE, SRCNN, FSRCNN and Classifier. "
        f"Received: a model of class {type(model).__name__}."
    )


def default_model_name(model) -> str:
    """Returns the name a model is served by unless the user chooses another: `srcnn_x2` and the like,
    else its own."""
    is_upscaler = isinstance(model, SuperResolution)
    return f"{model.name}_x{model.upscale_factor}" if is_upscaler else model.name
