"""Sources of pictures for `zoo generate`, `edit` and `upscale`: a server, or a model in this process."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import click

from serving.client.access import API_KEY_VARIABLE, ServerAccess, access_options
from training.trained_model import Source, find_model, find_preset, find_run
from training.untrained_models import UNTRAINED
from zoo.command_line.quiet_import import import_tensorflow
from zoo.errors import UnknownNameError
from zoo.presets.registry import list_presets

# TensorFlow Serving's refusal of a request with more rows than a batch holds.
_BATCH_LIMIT = re.compile(r"larger than maximum input batch size (\d+)")


class PictureSource(Protocol):
    """Answers the signatures of one model; may be asked from several threads at a time.

    Attributes:
        is_local: Whether the model runs in this process, where pictures need not be encoded.
    """

    is_local: bool

    def inputs_of(self, signature_name: str) -> Sequence[str]:
        """Returns the names of a signature's inputs; none if the model has no such signature."""

    def input_names(self, signature_name: str) -> list[str]:
        """Returns the names of a signature's inputs.

        Raises:
            UnknownNameError: The model has no such signature.
        """

    def predict(self, signature_name: str, inputs: dict) -> dict:
        """Runs a signature; inputs and outputs are arrays by name.

        Raises:
            PredictionError: The whole request is refused.
            RowError: The model reports an error for some rows.
        """


class _ServedModel:
    """The first of several model names that a server knows."""

    is_local = False

    def __init__(self, client, model_names: Sequence[str]):
        self._client = client
        self._model_name, self._signatures = _find_served(client, model_names)

    def inputs_of(self, signature_name):
        return list(self._signatures[signature_name].inputs) if signature_name in self._signatures else []

    def input_names(self, signature_name):
        return list(_find(self._signatures, signature_name, self._model_name).inputs)

    def predict(self, signature_name, inputs):
        from serving.client.errors import PredictionError

        try:
            return self._client.predict(self._model_name, inputs, signature_name)
        except PredictionError as error:
            limit = _BATCH_LIMIT.search(error.message)
            if not limit:
                raise
            return self._predict_in_parts(signature_name, inputs, int(limit[1]))

    def _predict_in_parts(self, signature_name, inputs, num_rows: int):
        """Asks in requests of the server's largest size, for which it can be set up."""
        import numpy as np

        total = max(len(values) for values in inputs.values())
        parts = [
            self._client.predict(
                self._model_name,
                {name: values[start : start + num_rows] for name, values in inputs.items()},
                signature_name,
            )
            for start in range(0, total, num_rows)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class _LocalModel:
    is_local = True

    def __init__(self, source: Source, text: str):
        self._name = text
        import_tensorflow()
        from export.signatures.of_models import make_signatures

        self._signatures = {signature.name: signature for signature in make_signatures(source.model)}

    def inputs_of(self, signature_name):
        return list(self._signatures[signature_name].inputs) if signature_name in self._signatures else []

    def input_names(self, signature_name):
        return list(_find(self._signatures, signature_name, self._name).inputs)

    def predict(self, signature_name, inputs):
        import tensorflow as tf

        from serving.client.errors import PredictionError, check_rows
        from serving.wire.status import InvalidArgument

        try:
            outputs = _find(self._signatures, signature_name, self._name).run(inputs)
        except tf.errors.InvalidArgumentError as error:
            # The message that a server returns in this case, without the trace through the graph.
            raise PredictionError(
                error.message.partition("\n\t [[")[0].rpartition("\n")[2],
                InvalidArgument.http_status,
                InvalidArgument.name,
            ) from error
        check_rows(outputs)
        return outputs


class TwoSources:
    """Two models whose signatures have different names, as one `PictureSource`.

    Args:
        first: Answers all signatures that the second model does not have.
        second: Answers its own signatures.
    """

    def __init__(self, first: PictureSource, second: PictureSource):
        self._first, self._second = first, second
        self.is_local = first.is_local and second.is_local

    def _of(self, signature_name) -> PictureSource:
        return self._second if self._second.inputs_of(signature_name) else self._first

    def inputs_of(self, signature_name):
        return self._of(signature_name).inputs_of(signature_name)

    def input_names(self, signature_name):
        return self._of(signature_name).input_names(signature_name)

    def predict(self, signature_name, inputs):
        return self._of(signature_name).predict(signature_name, inputs)


def _find_served(client, model_names: Sequence[str]):
    from serving.client.errors import PredictionError
    from serving.wire.status import NotFound

    missing = []
    for name in model_names:
        try:
            return name, client.signatures(name)
        except PredictionError as error:
            if error.http_status != NotFound.http_status:
                raise
            missing.append(error)
    messages = "; ".join(error.message.rstrip(".") for error in missing)
    raise PredictionError(
        f"{messages}. Name one of the server's models with --model: `zoo serve` prints them when it starts, "
        "one for each folder of its models directory. `zoo export PRESET_OR_RUN` adds one.",
        missing[-1].http_status,
        missing[-1].status,
    ) from missing[-1]


def _find(signatures, name: str, model: str):
    if name not in signatures:
        raise UnknownNameError(f"signature of {model}", name, signatures, "Name another model.")
    return signatures[name]


def source_options(function):
    """Adds `--server` with its options (`--model`, certificates), `--run` and `--preset` to a command."""
    options = (
        click.option(
            "--server",
            metavar="HOST:PORT",
            help="Use a running server: HOST:PORT for gRPC, http://HOST:PORT for REST, or grpcs:// and "
            f"https:// for encrypted connections. Its API key is read from {API_KEY_VARIABLE}.",
        ),
        access_options,
        click.option(
            "--model", metavar="NAME", help="The server's model to use.  [default: depends on the command]"
        ),
        click.option(
            "--run", type=click.Path(path_type=Path), help="Use a run directory's model, without a server."
        ),
        click.option("--preset", metavar="P", help="Use trained weights of the package, without a server."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@contextlib.contextmanager
def open_source(
    server: str | None,
    access: ServerAccess,
    model: str | None,
    run: Path | None,
    preset: str | None,
    default_models: Sequence[str],
    default_preset: str | None = None,
) -> Iterator[PictureSource]:
    """Opens the source that the options name.

    Args:
        server: Address of a server, or None.
        access: Certificates and API key for the server.
        model: The server's model to use; by default the first of `default_models` that it has.
        run: Run directory, or None.
        preset: Name of a preset, or None.
        default_models: Names of models to look for on a server, best first.
        default_preset: Preset, or model that learns nothing, to use if no source is named and the package
            has it.

    Yields:
        The source.

    Raises:
        click.UsageError: Not exactly one source is named, `--model` or certificates are given without
            `--server`, the server's address is malformed, or key and certificates do not fit it.
        UnknownNameError: There is no such preset.
        PredictionError: The server has none of the models.
    """
    if model is not None and server is None:
        raise click.UsageError(
            "--model names a server's model. Received: --model without --server. Give --server HOST:PORT too."
        )
    access.check(*([] if server is None else [server]))
    if server is None and run is None and preset is None:
        if default_preset in UNTRAINED:
            yield _LocalModel(find_model(default_preset), default_preset)
            return
        if default_preset in list_presets():
            preset = default_preset
    if sum(option is not None for option in (server, run, preset)) != 1:
        known = ", ".join(list_presets()) or "none in this version"
        raise click.UsageError(
            f"Name exactly one source: --server HOST:PORT, --run RUN or --preset P. Presets: {known}."
        )
    if preset is not None:
        yield _LocalModel(find_preset(preset), preset)
    elif run is not None:
        yield _LocalModel(find_run(run), str(run))
    elif server is not None:
        with access.connect(server) as client:
            yield _ServedModel(client, [model] if model else default_models)
