"""Exports a run or a preset as a SavedModel, checks it against the Keras model and publishes it."""

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from export.saved_model.frozen import freeze
from export.saved_model.quality_gate import Requirement, check_requirements
from export.saved_model.variant_measurements import check_likeness, measure
from export.saved_model.variants import ORIGINAL, VARIANTS
from export.saved_model.warmup import write_warmup_requests
from export.signatures.of_models import default_model_name, make_signatures
from export.signatures.signature import Signature
from export.versions.interface import check_interface, describe_interface
from export.versions.manifest import read_signatures, write_manifest
from export.versions.publish import publish
from training.trained_model import Source, find_model
from zoo.files.unglobbed import unglobbed

# Largest difference between exported model and Keras model: graphs are fused and sum in another order.
PIXEL_TOLERANCE = 1
FLOAT_TOLERANCE = 1e-3


def export_run(
    run_or_preset: Path | str,
    models_dir: Path,
    model_name: str | None = None,
    version: int | None = None,
    requirements: Sequence[Requirement] = (),
    isolates_rows: bool = False,
    variant: str | None = None,
    replaces: bool = False,
) -> Path:
    """Exports a preset or a run's finished model.

    Saves the model in an unpublished directory, loads it again, compares it with the Keras model on every
    signature for two batch sizes, and publishes it only then.

    Args:
        run_or_preset: Run directory or preset, as for `find_model`.
        models_dir: Directory of all models.
        model_name: Name to serve it by; the model's own name by default.
        version: Positive integer; one above the highest existing version by default.
        requirements: Limits that the measured scores must meet.
        isolates_rows: Whether a photo that only the decoder finds damaged becomes its row's error, at the
            cost of decoding every photo twice.
        variant: One of `VARIANTS`, which is measured beside the original; by default the original, which is
            not measured.
        replaces: Whether the version may take or give something else than the newest one of its name.

    Returns:
        The version directory.

    Raises:
        FileNotFoundError: There is no such run or preset, or the run has not finished.
        ValueError: The name or version is not allowed, the run or preset is damaged, a requirement is not
            met, the variant cannot be made of the model, or the version takes or gives something else than
            the newest one.
        RuntimeError: The exported model does not agree with the Keras model.
        OSError: The files cannot be written.
    """
    source = find_model(str(run_or_preset))
    check_requirements(source, requirements)
    if variant:
        _check_has_weights(source)
    scores = source.scores
    model_name = model_name or default_model_name(source.model)
    options = {
        "variant": variant or ORIGINAL,
        "isolates_rows": isolates_rows,
        "requirements": [str(requirement) for requirement in requirements],
    }

    def build(directory: Path) -> None:
        signatures = make_signatures(source.model, isolates_rows)
        save_variant(source, variant or ORIGINAL, isolates_rows, signatures, directory)
        described = read_signatures(directory)
        interface = describe_interface(source.model, source.recipe.visible_options)
        if not replaces:
            check_interface(models_dir / model_name, described, interface)
        if variant:
            options["measured"] = _measure_beside_original(variant, signatures, directory)
        requests = {signature.name: signature.example_requests[:1] for signature in signatures}
        write_warmup_requests(directory, model_name, requests)
        write_manifest(
            directory,
            source.recipe.model_name,
            {source.kind: source.name},
            described,
            scores,
            options,
            interface,
        )

    return publish(build, models_dir, model_name, version)


def _check_has_weights(source: Source) -> None:
    if source.kind == "untrained":
        raise ValueError(
            "A variant differs in its weights, so the model must have some. Received: "
            f"{source.name}, which has none. Leave out --variant and --compare-variants."
        )


def compare_variants(
    run_or_preset: Path | str, isolates_rows: bool = False
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Saves every variant of a run or preset, measures them side by side and deletes them.

    Args:
        run_or_preset: Run directory or preset, as for `find_model`.
        isolates_rows: As for `export_run`.

    Returns:
        The measurements by variant, as manifests hold them, and the error text of each variant that does not
        work.

    Raises:
        FileNotFoundError: There is no such run or preset, or the run has not finished.
        ValueError: The run or preset is damaged.
    """
    source = find_model(str(run_or_preset))
    _check_has_weights(source)
    signatures = make_signatures(source.model, isolates_rows)
    directories, differences, problems = {}, {}, {}
    with tempfile.TemporaryDirectory(prefix="zoo-variants-") as parent:
        for variant in VARIANTS:
            directory = Path(parent, variant)
            try:
                save_variant(source, variant, isolates_rows, signatures, directory)
                differences[variant] = check_likeness(signatures, directory)
                directories[variant] = directory
            except (ValueError, RuntimeError) as error:
                problems[variant] = str(error)
        measurements = measure(directories, signatures, differences)
    return {name: measurement.to_json() for name, measurement in measurements.items()}, problems


def save_variant(
    source: Source, variant: str, isolates_rows: bool, signatures: list[Signature], directory: Path
) -> None:
    """Saves a variant of a run or preset as a SavedModel.

    Checks a variant that must answer exactly as the trained model does; `check_likeness` checks the others.

    Args:
        source: The run or preset.
        variant: One of `VARIANTS`.
        isolates_rows: As for `export_run`.
        signatures: The trained model's signatures.
        directory: An empty directory, or one to create.

    Raises:
        ValueError: The variant cannot be made of the model.
        RuntimeError: It does not agree with the Keras model.
    """
    how = VARIANTS[variant]
    if how.load_model is None:
        save(signatures, directory)
    else:
        save(make_signatures(how.load_model(source), isolates_rows), directory)
    if how.is_frozen:
        freeze(directory, next(signature.name for signature in signatures if signature.is_default))
    if how.load_model is None:
        check_export(signatures, directory)


def _measure_beside_original(
    variant: str, signatures: list[Signature], directory: Path
) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="zoo-original-") as original:
        directories = {variant: directory}
        if variant != ORIGINAL:
            save(signatures, Path(original))
            directories = {ORIGINAL: Path(original), variant: directory}
        differences = {name: check_likeness(signatures, path) for name, path in directories.items()}
        measurements = measure(directories, signatures, differences)
    return {name: measurement.to_json() for name, measurement in measurements.items()}


def save(signatures: list[Signature], directory: Path) -> None:
    """Saves signatures as a SavedModel with only the weights they use.

    Args:
        signatures: The signatures, one of them the default.
        directory: An empty directory.
    """
    functions = {signature.name: signature.to_concrete_function() for signature in signatures}
    default = next(signature.name for signature in signatures if signature.is_default)
    functions[tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY] = functions[default]
    module = tf.Module()
    module.weights = list(
        {
            id(variable): variable for function in functions.values() for variable in function.variables
        }.values()
    )
    tf.saved_model.save(module, str(unglobbed(directory)), signatures=functions)


def check_export(signatures: list[Signature], directory: Path) -> None:
    """Loads a SavedModel and compares it with the Keras model on every example request.

    Args:
        signatures: The saved signatures.
        directory: Directory of the SavedModel.

    Raises:
        RuntimeError: An output differs by more than `PIXEL_TOLERANCE` or `FLOAT_TOLERANCE`.
    """
    loaded = tf.saved_model.load(str(unglobbed(directory)))
    for signature in signatures:
        for request in signature.example_requests:
            outputs = loaded.signatures[signature.name](**signature.to_tensors(request))
            for name, expected in signature.run_eagerly(request).items():
                _check_equal(signature.name, name, outputs[name].numpy(), expected)


def _check_equal(signature_name: str, output_name: str, found: np.ndarray, expected: np.ndarray) -> None:
    tolerance = FLOAT_TOLERANCE if expected.dtype == np.float32 else PIXEL_TOLERANCE
    if expected.dtype == object:
        found, expected = _to_pixels(found), _to_pixels(expected)
    is_same_kind = found.dtype == expected.dtype and found.shape == expected.shape
    difference = (
        float(np.max(np.abs(found.astype("float64") - expected.astype("float64")), initial=0.0))
        if is_same_kind
        else np.inf
    )
    if not difference <= tolerance:  # also refuses NaN, which a diverged model returns
        raise RuntimeError(
            f"The exported model must agree with the Keras model within {tolerance:g}. Received: output "
            f"`{output_name}` of `{signature_name}`, off by {difference:g} (shapes {found.shape} and "
            f"{expected.shape}). Nothing was published; report this as a bug, with the model and command."
        )


def _to_pixels(strings: np.ndarray) -> np.ndarray:
    """Turns strings into comparable numbers: PNG files into pixels, other strings into their bytes."""
    parts = [
        np.asarray(Image.open(io.BytesIO(value)))
        if value.startswith(b"\x89PNG")
        else np.frombuffer(value, "uint8")
        for value in strings.ravel()
    ]
    return np.concatenate([part.ravel() for part in parts]) if parts else np.zeros(0, "uint8")
