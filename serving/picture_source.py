"""Where `zoo generate`, `zoo edit` and `zoo upscale` get pictures: a server, or a run in this process."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import click

from zoo.errors import UnknownNameError
from zoo.quiet_import import import_tensorflow


class PictureSource(Protocol):
    """Answers the signatures of one model."""

    def input_names(self, signature_name: str) -> list[str]:
        """Returns the names of a signature's inputs.

        Raises:
            UnknownNameError: The model has no such signature.
        """

    def predict(self, signature_name: str, inputs: dict) -> dict:
        """Returns a signature's outputs, arrays by name, for its inputs, arrays by name.

        Raises:
            PredictionError: The request as a whole is refused.
            RowError: The model says that some of the rows are wrong.
        """


class _ServedModel:
    def __init__(self, client, model_name: str):
        self._client, self._model_name = client, model_name
        self._signatures = client.signatures(model_name)

    def input_names(self, signature_name):
        return list(_find(self._signatures, signature_name, self._model_name).inputs)

    def predict(self, signature_name, inputs):
        return self._client.predict(self._model_name, inputs, signature_name)


class _RunModel:
    def __init__(self, run: Path):
        import_tensorflow()
        from export.signatures import make_signatures
        from training.run_directory import load_model

        self._run = run
        self._signatures = {signature.name: signature for signature in make_signatures(load_model(run))}

    def input_names(self, signature_name):
        return list(_find(self._signatures, signature_name, str(self._run)).inputs)

    def predict(self, signature_name, inputs):
        import tensorflow as tf

        from serving.client import PredictionError, check_rows
        from serving.status import InvalidArgument

        try:
            outputs = _find(self._signatures, signature_name, str(self._run)).run(inputs)
        except tf.errors.InvalidArgumentError as error:
            # What a server answers in this case, without the way through the graph.
            raise PredictionError(
                error.message.partition("\n\t [[")[0].rpartition("\n")[2],
                InvalidArgument.http_status,
                InvalidArgument.name,
            ) from error
        check_rows(outputs)
        return outputs


def _find(signatures, name: str, model: str):
    if name not in signatures:
        raise UnknownNameError(f"signature of {model}", name, signatures, "Name another model.")
    return signatures[name]


def source_options(function):
    """Adds the options that name a source: `--server` with `--model`, `--run` or `--preset`."""
    options = (
        click.option(
            "--server", metavar="HOST:PORT", help="A running server: gRPC, or REST as http://HOST:PORT."
        ),
        click.option("--model", metavar="NAME", help="Model of the server.  [default: by command]"),
        click.option("--run", type=click.Path(path_type=Path), help="A run directory, without a server."),
        click.option("--preset", metavar="P", help="Trained weights of the package."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@contextlib.contextmanager
def open_source(
    server: str | None, model: str | None, run: Path | None, preset: str | None, default_model: str
) -> Iterator[PictureSource]:
    """Opens the source that the options name.

    Args:
        server: Address of a server, or None.
        model: Model of the server; `default_model` by default.
        run: Run directory, or None.
        preset: Name of a preset, or None.
        default_model: Which model of a server to ask.

    Yields:
        The source.

    Raises:
        click.UsageError: Not exactly one source is named, `--model` without `--server`, or the server's
            address is none.
        UnknownNameError: There is no such preset.
    """
    if sum(option is not None for option in (server, run, preset)) != 1:
        raise click.UsageError("Name one source: --server HOST:PORT, --run RUN or --preset P.")
    if model is not None and server is None:
        raise click.UsageError("--model names a model of a server. Give --server HOST:PORT too.")
    if preset is not None:
        raise UnknownNameError("preset", preset, [], "This version ships no presets: use --run or --server.")
    if run is not None:
        yield _RunModel(run)
        return
    from serving.client import connect

    try:
        client = connect(server)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    with client:
        yield _ServedModel(client, model or default_model)
