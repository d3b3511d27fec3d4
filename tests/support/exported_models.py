"""Small models with random weights and their SavedModels, built once for the whole test run."""

import dataclasses
import functools
import io
from pathlib import Path

import numpy as np
import tensorflow as tf
from dark_products import make_dark
from kept_directories import make_directory
from PIL import Image

from export.saved_model.exporter import save
from export.signatures.of_models import make_signatures
from export.signatures.signature import Signature
from zoo.classifier import Classifier
from zoo.cleaning.cleaner import Cleaner
from zoo.conditional_vae.conditional_vae import ConditionalVAE
from zoo.cutout.cutout import Cutout
from zoo.dcgan.dcgan import DCGAN
from zoo.latent_flow.autoencoder import Autoencoder
from zoo.latent_flow.latent_flow import LatentFlow
from zoo.recolour.recolour import Recolour
from zoo.stitching.stitcher import Stitcher
from zoo.style.style_transfer import StyleTransfer
from zoo.super_resolution.ecbsr import ECBSR
from zoo.super_resolution.fsrcnn import FSRCNN
from zoo.super_resolution.srcnn import SRCNN

CATEGORIES = ("t-shirt/top", "bag", "ankle boot")
COLOURS = ("red", "blue")
LATENT_DIM = 8

GREY = {"attributes": {"category": CATEGORIES}, "image_size": 28, "channels": 1}
RGB = {"attributes": {"category": CATEGORIES, "colour": COLOURS}, "image_size": 32, "channels": 3}
SMALL = {"latent_dim": LATENT_DIM, "width": 4}

BUILDERS = {
    "dcgan": lambda: DCGAN(**GREY, **SMALL),
    "dcgan_rgb": lambda: DCGAN(**RGB, **SMALL),
    "conditional_vae": lambda: ConditionalVAE(**GREY, **SMALL),
    "conditional_vae_rgb": lambda: ConditionalVAE(**RGB, **SMALL),
    "srcnn_x2": lambda: SRCNN(upscale_factor=2, is_residual=True),
    "srcnn_x3": lambda: SRCNN(upscale_factor=3, is_residual=True),
    "fsrcnn_x2": lambda: FSRCNN(upscale_factor=2, is_residual=True),
    "fsrcnn_x3": lambda: FSRCNN(upscale_factor=3, is_residual=True),
    "ecbsr_x2": lambda: ECBSR(upscale_factor=2, depth=2, width=4),
    "clean": lambda: Cleaner(depth=2, width=4),
    "fsrcnn_rgb_x4": lambda: FSRCNN(upscale_factor=4, is_residual=True, colour_space="rgb"),
    "cutout": lambda: make_dark(Cutout, image_size=32, width=4),
    "recolour": lambda: make_dark(Recolour, image_size=32, width=4),
    "stylise": lambda: StyleTransfer(["dots", "waves"], width=4, depth=1),
    "stitch": Stitcher,
    "autoencoder": lambda: Autoencoder(image_size=32, width=4, depth=1),
    "latent_flow": lambda: LatentFlow(
        RGB["attributes"],
        Autoencoder(image_size=32, width=4, depth=1).get_config(),
        words=["bag", "blue", "boot", "in", "red"],
        meanings={"red": ("colour", "red"), "blue": ("colour", "blue")},
        width=8,
        depth=1,
        steps=3,
    ),
    "classifier": lambda: Classifier(**GREY, width=4),
    "classifier_rgb": lambda: Classifier(**RGB, width=4),
}


@dataclasses.dataclass(frozen=True)
class ExportedModel:
    """A Keras model, its signatures by name, and the directory of its SavedModel."""

    model: tf.Module
    signatures: dict[str, Signature]
    directory: Path

    @functools.cached_property
    def loaded(self):
        return tf.saved_model.load(str(self.directory))

    def ask(self, signature_name, **inputs):
        """Calls the SavedModel and returns arrays by output name."""
        outputs = self.loaded.signatures[signature_name](**to_tensors(inputs))
        return {name: value.numpy() for name, value in outputs.items()}


def build_model(name):
    """Builds a model whose pictures differ visibly between latents, attributes and inputs."""
    model = BUILDERS[name]()
    random = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) > 1:
            scale = (0.5 if "_x" in name else 2.0) / np.sqrt(np.prod(weight.shape[:-1]))
            weight.assign(random.normal(scale=scale, size=weight.shape))
    return model


@functools.cache
def exported(name) -> ExportedModel:
    """Builds and exports the named model."""
    model = build_model(name)
    directory = make_directory("exported-model")
    signatures = make_signatures(model)
    save(signatures, directory)
    return ExportedModel(model, {signature.name: signature for signature in signatures}, directory)


def to_tensors(inputs):
    """Turns arrays and lists into tensors: Python integers become int64, an empty list becomes no strings."""
    tensors = {}
    for name, value in inputs.items():
        dtype = tf.int64 if name == "seed" else getattr(value, "dtype", tf.string)
        is_text = getattr(dtype, "kind", "") == "O"
        tensors[name] = tf.convert_to_tensor(value, tf.string if is_text else dtype)
    return tensors


def random_pictures(num_rows, height, width, channels, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (num_rows, height, width, channels), dtype="uint8")


def to_png(raw_image):
    buffer = io.BytesIO()
    Image.fromarray(raw_image[..., 0] if raw_image.shape[-1] == 1 else raw_image).save(buffer, "PNG")
    return buffer.getvalue()


def from_png(file):
    """Decodes a PNG that a model made to uint8 `[h, w, 1 or 3]`."""
    picture = Image.open(io.BytesIO(file))
    assert picture.format == "PNG"
    raw_image = np.asarray(picture)
    return raw_image if raw_image.ndim == 3 else raw_image[..., np.newaxis]


def attribute_inputs(model, num_rows, prefix="", **values):
    """Returns each attribute's input with one value for every row, `""` by default."""
    return {prefix + name: [values.get(name, "")] * num_rows for name in model.attributes}
