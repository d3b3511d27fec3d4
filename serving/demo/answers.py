"""Sends the demo's requests to a running server over both protocols and lays the pictures out as sheets."""

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from export.signatures.of_models import make_signatures
from serving.client.connection import connect
from training.data.data_sets import rendered_note
from training.pages.picture_sheet import PictureSheet
from training.recipes.base.registry import RECIPES
from training.runs.run_directory import read_config
from training.trained_model import load_model

SEEDS_PER_VALUE = 8
# An exported graph may sum in another order than this process, so one grey level of difference is allowed.
TOLERANCE = 1


class DemoAnswers:
    """Runs one model over gRPC, over REST and in this process, and compares the responses.

    Args:
        run: Run that the served model was exported from.
        data_set: Data set that supplies photos.
        model_name: Name that the model is served by.
        grpc_address: `HOST:PORT`.
        rest_address: `http://HOST:PORT`.

    Attributes:
        num_requests: Number of compared requests.
        largest_difference: Largest difference between the server and this process, in grey levels.
    """

    def __init__(self, run: Path, data_set, model_name: str, grpc_address: str, rest_address: str):
        self.config = read_config(run)
        self.data_set = data_set
        self.model = load_model(run)
        self.model_name = model_name
        self.num_requests = 0
        self.largest_difference = 0
        self._addresses = (grpc_address, rest_address)
        self._signatures = {signature.name: signature for signature in make_signatures(self.model)}

    def ask(
        self, signature_name: str, inputs: Mapping[str, np.ndarray], output_name: str
    ) -> list[np.ndarray]:
        """Calls a signature and returns the pictures of one output.

        Raises:
            RuntimeError: gRPC and REST differ, or the server differs from this process by more than
                `TOLERANCE` grey levels.
        """
        answers = []
        for address in self._addresses:
            with contextlib.closing(connect(address)) as client:
                answers.append(client.predict(self.model_name, inputs, signature_name)[output_name])
        over_grpc, over_rest = (to_pictures(answer) for answer in answers)
        in_process = to_pictures(self._signatures[signature_name].run(inputs)[output_name])
        difference = _largest_difference(over_grpc, in_process)
        between_protocols = _largest_difference(over_grpc, over_rest)
        if between_protocols > 0 or difference > TOLERANCE:
            raise RuntimeError(
                f"{self.model_name} must give the same pictures over gRPC, over REST and in process. "
                f"Received: {signature_name}, whose gRPC and REST pictures differ by {between_protocols} "
                f"grey levels, and by {difference} from those in process. Report this as a bug."
            )
        self.num_requests += len(self._addresses)
        self.largest_difference = max(self.largest_difference, difference)
        return over_grpc

    def generated_sheet(self) -> PictureSheet:
        """Returns generated pictures of every value of the first attribute, one row per seed."""
        name, values = next(iter(self.model.attributes.items()))
        rows = []
        for seed in range(SEEDS_PER_VALUE):
            inputs = {
                attribute: np.array(list(values) if attribute == name else [""] * len(values), dtype=object)
                for attribute in self.model.attributes
            }
            inputs["seed"] = np.full(len(values), seed, "int64")
            rows.append(self.ask("generate_png", inputs, "image_bytes"))
        return PictureSheet(
            rows=rows,
            column_labels=list(values),
            row_labels=[f"seed {seed}" for seed in range(SEEDS_PER_VALUE)],
            note=rendered_note(self.data_set),
        )

    def edited_sheet(self) -> PictureSheet:
        """Returns real photos and their edits to every value; their own values leave them as they are."""
        from training.recipes.conditional_vae import first_of_each_value

        name, values = next(iter(self.model.attributes.items()))
        raw_images, attribute_ids = first_of_each_value(self.config, self.data_set, "test")
        known = {
            attribute: np.array([names[value_id] for value_id in attribute_ids[attribute]], dtype=object)
            for attribute, names in self.model.attributes.items()
        }
        rows = [list(raw_images)]
        for target in values:
            wanted = {
                f"target_{attribute}": np.array(
                    [target if attribute == name else ""] * len(raw_images), dtype=object
                )
                for attribute in self.model.attributes
            }
            inputs = {"image_bytes": to_png_files(raw_images), **known, **wanted}
            rows.append(self.ask("edit_png", inputs, "image_bytes"))
        return PictureSheet(
            rows=rows,
            column_labels=list(known[name]),
            row_labels=["real", *(f"as {value}" for value in values)],
            note=rendered_note(self.data_set),
        )

    def upscaled_sheet(self) -> PictureSheet:
        """Returns low-res test photos, their enlargements and the originals, with PSNR."""
        from training.recipes.base.super_resolution_recipe import NUM_SAMPLES, upscaling_sheet

        batches = RECIPES["srcnn"].make_evaluation_batches(self.config, self.data_set, "test")
        low_res_images, high_res_images = (
            images[:NUM_SAMPLES] for images in next(batches.as_numpy_iterator())
        )
        upscaled = self.ask("upscale_png", {"image_bytes": to_png_files(low_res_images)}, "image_bytes")
        channels = high_res_images.shape[-1]
        return upscaling_sheet(
            low_res_images,
            np.stack(upscaled)[..., :channels],
            high_res_images,
            "SRCNN",
            rendered_note(self.data_set),
        )


def to_png_files(raw_images: np.ndarray) -> np.ndarray:
    """Encodes uint8 images `[N, h, w, 1 or 3]` as PNG files, object `[N]`."""
    files = []
    for image in raw_images:
        buffer = io.BytesIO()
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, format="PNG")
        files.append(buffer.getvalue())
    return np.array(files, dtype=object)


def to_pictures(files: np.ndarray) -> list[np.ndarray]:
    """Decodes PNG files to uint8 images `[h, w, 1 or 3]`."""
    pictures = [np.asarray(Image.open(io.BytesIO(file))) for file in files]
    return [picture[..., None] if picture.ndim == 2 else picture for picture in pictures]


def _largest_difference(images: list[np.ndarray], other_images: list[np.ndarray]) -> int:
    """Returns the largest difference in grey levels; 255 if shapes differ."""
    if [image.shape for image in images] != [image.shape for image in other_images]:
        return 255
    pairs = zip(images, other_images, strict=True)
    return max(int(np.abs(image.astype("int16") - other).max()) for image, other in pairs)
