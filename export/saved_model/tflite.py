"""Exports a super-resolution model as a TFLite file, for a shop's own app."""

import tempfile
import warnings
from pathlib import Path

import tensorflow as tf

from export.signatures.image_tensors import example_pictures
from training.recipes.base.registry import RECIPES
from training.untrained_models import kind_of
from zoo.files.atomic_write import write_bytes

SIGNATURE = "upscale"

# Heights and widths of the images that the file is tested on before it is written.
_TRIED_SHAPES = ((24, 32), (17, 13))
PIXEL_TOLERANCE = 1


def write_tflite(model, path: Path, float16: bool = False) -> int:
    """Writes a super-resolution model as a TFLite file with one signature, `upscale`.

    The signature takes `images`, uint8 `[1, h, w, 3]`, and returns `images`, uint8 `[1, s * h, s * w, 3]`.
    Apps set h and w with `resize_tensor_input` before they allocate. Unlike the served model it does not work
    in tiles, so its memory grows with the photo.

    Args:
        model: An SRCNN or FSRCNN under the float32 policy.
        path: The file to write; an existing file is replaced.
        float16: Whether weights are stored as float16, which halves the file.

    Returns:
        Size of the file in bytes.

    Raises:
        TypeError: The model is not a super-resolution model.
        RuntimeError: The TFLite model does not agree with the Keras model.
        OSError: The file cannot be written.

    Example:

    ```python
    write_tflite(FSRCNN.from_preset("fsrcnn_x2"), Path("fsrcnn_x2.tflite"))
    ```
    """
    content = convert(model, float16)
    check_tflite(model, content)
    write_bytes(path, content)
    return len(content)


def check_upscaler(model) -> None:
    """Raises `TypeError` unless a model can be exported as a TFLite file."""
    if not kind_of(model).converts_to_tflite:
        names = [name for name, recipe in RECIPES.items() if recipe.converts_to_tflite]
        raise TypeError(
            f"Only {', '.join(names)} can become TFLite files, because the other models take strings, "
            f"which TFLite cannot compute with. Received: a model of class {type(model).__name__}. Serve it "
            "instead: zoo export RUN_OR_PRESET"
        )


def convert(model, float16: bool = False) -> bytes:
    """Converts a model to TFLite; see `write_tflite`."""
    check_upscaler(model)
    specification = tf.TensorSpec([1, None, None, 3], tf.uint8, name="images")

    @tf.function(input_signature=[specification], autograph=False)
    def upscale(images):
        return {"images": model.upscale_whole(images)}

    function = upscale.get_concrete_function()
    module = tf.Module()
    module.weights = list(function.variables)
    with tempfile.TemporaryDirectory(prefix="zoo-tflite-") as directory:
        tf.saved_model.save(module, directory, signatures={SIGNATURE: function})
        converter = tf.lite.TFLiteConverter.from_saved_model(directory, signature_keys=[SIGNATURE])
        converter.experimental_enable_resource_variables = False
        return _convert(converter, float16)


def _convert(converter, float16: bool) -> bytes:
    if float16:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


def check_tflite(model, content: bytes) -> None:
    """Enlarges images of two sizes with a TFLite model and compares the results with the Keras model's.

    Raises:
        RuntimeError: A pixel differs by more than `PIXEL_TOLERANCE`.
    """
    for height, width in _TRIED_SHAPES:
        raw_images = example_pictures(1, height, width, channels=3)
        with warnings.catch_warnings():
            # TensorFlow warns that the interpreter will move into a package of its own.
            warnings.simplefilter("ignore")
            interpreter = tf.lite.Interpreter(model_content=content)
        (images,) = interpreter.get_input_details()
        interpreter.resize_tensor_input(images["index"], raw_images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(images["index"], raw_images)
        interpreter.invoke()
        (answer,) = interpreter.get_output_details()
        found = interpreter.get_tensor(answer["index"]).astype("int32")
        expected = model.upscale(raw_images).numpy().astype("int32")
        difference = abs(found - expected).max() if found.shape == expected.shape else float("inf")
        if not difference <= PIXEL_TOLERANCE:
            raise RuntimeError(
                f"The TFLite model must agree with the Keras model within {PIXEL_TOLERANCE} grey level. "
                f"Received: off by {difference:g} (shapes {found.shape} and {expected.shape}). Nothing was "
                "written; serve the model instead: zoo export RUN_OR_PRESET"
            )
