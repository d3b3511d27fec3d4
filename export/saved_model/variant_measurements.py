"""Measures each export variant: bytes, milliseconds, and the difference to the trained model's answers."""

import contextlib
import io
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image
from tensorflow.python.saved_model import loader_impl

from export.images.image_bytes import encode_png_row
from export.signatures.classification import PROBABILITIES
from export.signatures.image_tensors import example_pictures
from export.signatures.signature import Signature
from zoo.files.unglobbed import unglobbed

BATCH_SIZES = (1, 8)
# Side of the images in the timed requests, in pixels.
PICTURE_SIZE = 64
GREY_LEVELS, PROBABILITY = "grey levels", "probability"
# A variant whose answers differ by more than this on average is refused.
MAX_MEAN_DIFFERENCES = {GREY_LEVELS: 2.0, PROBABILITY: 0.02}

_NUM_ROUNDS = 15
_MAX_SECONDS = 10.0


class Difference(NamedTuple):
    """The difference between a variant's answers and the trained model's.

    Args:
        max_difference: Largest absolute difference of any value.
        mean_difference: Mean absolute difference over all values.
        unit: `GREY_LEVELS` for images, or `PROBABILITY`.
    """

    max_difference: float
    mean_difference: float
    unit: str


class Measurement(NamedTuple):
    """A variant's size, speed on this machine, and difference to the trained model.

    Args:
        num_bytes: Size of its files.
        ms_per_image: Batch size to milliseconds per image; images in the request have side `PICTURE_SIZE`.
        difference: Difference between its answers and the trained model's.
    """

    num_bytes: int
    ms_per_image: dict[int, float]
    difference: Difference

    def to_json(self) -> dict:
        """Returns the measurement as the manifest stores it."""
        times = {str(num_rows): round(value, 3) for num_rows, value in self.ms_per_image.items()}
        return {"num_bytes": self.num_bytes, "ms_per_image": times, **self.difference._asdict()}


def measure(
    directories: Mapping[str, Path], signatures: list[Signature], differences: Mapping[str, Difference]
) -> dict[str, Measurement]:
    """Measures one model's variants in turns, so that other load on the machine affects all of them alike.

    Args:
        directories: Variant to its SavedModel's directory.
        signatures: The trained model's signatures; the default one is timed.
        differences: Variant to the result of `check_likeness`.

    Returns:
        Measurements by variant.
    """
    default = next(signature for signature in signatures if signature.is_default)
    times: dict[str, dict[int, float]] = {variant: {} for variant in directories}
    with contextlib.ExitStack() as stack:
        sessions = {
            variant: stack.enter_context(contextlib.closing(_Session(directory)))
            for variant, directory in directories.items()
        }
        for num_rows in BATCH_SIZES:
            for variant, seconds in _time(sessions, default, num_rows).items():
                times[variant][num_rows] = 1000 * seconds / num_rows
    return {
        variant: Measurement(_num_bytes(directory), times[variant], differences[variant])
        for variant, directory in directories.items()
    }


def check_likeness(signatures: list[Signature], directory: Path) -> Difference:
    """Compares a SavedModel with the trained model on every example request.

    Args:
        signatures: The trained model's signatures.
        directory: Directory of the SavedModel.

    Returns:
        The difference between their answers.

    Raises:
        RuntimeError: Outputs, dtypes, shapes or errors differ, or values differ by more than
            `MAX_MEAN_DIFFERENCES` on average.
    """
    values: dict[str, list[np.ndarray]] = {GREY_LEVELS: [], PROBABILITY: []}
    with contextlib.closing(_Session(directory)) as session:
        for signature in signatures:
            requests = signature.example_requests
            if signature.is_default:
                requests = [*requests, _timed_request(signature, BATCH_SIZES[-1])]
            for request in requests:
                expected = signature.run(request)
                found = session.run(signature.name, request)
                _check_outputs(signature.name, found, expected)
                for name, array in expected.items():
                    unit = _unit(name, array)
                    if unit:
                        values[unit].append(_absolute_difference(found[name], array))
    unit = PROBABILITY if values[PROBABILITY] else GREY_LEVELS
    every = np.concatenate(values[unit])
    difference = Difference(float(every.max()), float(every.mean()), unit)
    if not difference.mean_difference <= MAX_MEAN_DIFFERENCES[unit]:
        raise RuntimeError(
            "A variant's answers must agree with the trained model's, on average within "
            f"{MAX_MEAN_DIFFERENCES[unit]:g} {unit}. Received: off by {difference.mean_difference:g}. "
            "Export another variant."
        )
    return difference


def _check_outputs(signature_name: str, found: Mapping, expected: Mapping) -> None:
    for name, array in expected.items():
        answer = found.get(name, np.zeros([0]))
        is_same = answer.dtype == array.dtype and answer.shape == array.shape
        is_finite = array.dtype == object or np.all(np.isfinite(answer))
        if not (is_same and is_finite) or (name == "error" and (answer != array).any()):
            raise RuntimeError(
                "A variant must return finite values in the trained model's outputs, dtypes and shapes. "
                f"Received: `{name}` of `{signature_name}`, {answer.dtype} {answer.shape}, "
                f"expected {array.dtype} {array.shape}. Export another variant."
            )


def _unit(name: str, array: np.ndarray) -> str | None:
    if name.endswith(PROBABILITIES):
        return PROBABILITY
    return GREY_LEVELS if array.dtype == np.uint8 or name.endswith("_bytes") else None


def _absolute_difference(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    if expected.dtype != object:
        return np.abs(found.astype("float64") - expected).ravel()
    pairs = zip(found, expected, strict=True)
    return np.concatenate([_absolute_difference(_pixels(one), _pixels(other)) for one, other in pairs])


def _pixels(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)))


def _timed_request(signature: Signature, num_rows: int) -> dict[str, np.ndarray]:
    pictures = example_pictures(num_rows, PICTURE_SIZE, PICTURE_SIZE, channels=3)
    rows = {
        "image_bytes": lambda: np.array([encode_png_row(picture).numpy() for picture in pictures], object),
        "seed": lambda: np.arange(num_rows, dtype="int64"),
    }
    any_value = np.full([num_rows], "", object)
    return {name: rows.get(name, lambda: any_value)() for name in signature.inputs}


def _time(sessions: Mapping[str, "_Session"], signature: Signature, num_rows: int) -> dict[str, float]:
    """Returns each variant's median seconds per call."""
    request = _timed_request(signature, num_rows)
    seconds: dict[str, list[float]] = {variant: [] for variant in sessions}
    for session in sessions.values():
        for _ in range(3):  # TensorFlow optimises the graph during the first calls
            session.run(signature.name, request)
    end = time.perf_counter() + _MAX_SECONDS
    for _ in range(_NUM_ROUNDS):
        for variant, session in sessions.items():
            begin = time.perf_counter()
            session.run(signature.name, request)
            seconds[variant].append(time.perf_counter() - begin)
        if time.perf_counter() > end:
            break
    return {variant: statistics.median(values) for variant, values in seconds.items()}


class _Session:
    """Runs a SavedModel in a TensorFlow 1 session, as TF Serving does."""

    def __init__(self, directory: Path):
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        with graph.as_default():
            loader = loader_impl.SavedModelLoader(str(unglobbed(directory)))
            self._signatures = loader.load(self._session, [tf.saved_model.SERVING]).signature_def

    def run(self, signature_name: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        signature = self._signatures[signature_name]
        feeds = {signature.inputs[name].name: value for name, value in inputs.items()}
        return self._session.run({name: info.name for name, info in signature.outputs.items()}, feeds)

    def close(self) -> None:
        self._session.close()


def _num_bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def format_variants(
    measurements: Mapping[str, Mapping[str, Any]], problems: Mapping[str, str] | None = None
) -> str:
    """Returns a table with one line per variant.

    Args:
        measurements: Variant to its measurements, as manifests hold them under `options`, `measured`.
        problems: Variant to its error text, for variants that do not work.

    Example:

    >>> times = {"1": 9.0, "8": 8.5}
    >>> off = {"max_difference": 1.0, "mean_difference": 0.02, "unit": "grey levels"}
    >>> print(format_variants({"frozen": {"num_bytes": 1_500_000, "ms_per_image": times, **off}}))
    variant             MB  ms per image, batch 1  batch 8  max off  mean off
    frozen            1.50                   9.00     8.50        1      0.02  grey levels
    """
    lines = ["variant             MB  ms per image, batch 1  batch 8  max off  mean off"]
    for variant, measured in measurements.items():
        one, eight = measured["ms_per_image"]["1"], measured["ms_per_image"]["8"]
        lines.append(
            f"{variant:<15} {measured['num_bytes'] / 1e6:6.2f}  {one:21.2f}  {eight:7.2f}  "
            f"{measured['max_difference']:7.2g}  {measured['mean_difference']:8.2g}  {measured['unit']}"
        )
    lines += [f"{variant} does not work: {problem}" for variant, problem in (problems or {}).items()]
    return "\n".join(lines)
