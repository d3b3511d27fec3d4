"""`zoo-model-server`, which starts, responds and fails as tensorflow_model_server does."""

import logging
import os
import sys
from pathlib import Path

from serving.model_server import flags as server_flags
from serving.model_server import signals
from serving.model_server.server import ModelServer
from serving.wire.status import Cancelled, ServingError
from zoo.command_line.own_packages import check_not_shadowed
from zoo.command_line.quiet_import import import_tensorflow

# The exit code of the C++ program's `exit(-1)`.
EXIT_FAILED = 255
COMMAND = "zoo-model-server"
_logger = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Runs the server until SIGTERM or SIGINT and returns the exit code.

    Args:
        arguments: The command line without the program's name; this process's by default.
    """
    program = COMMAND if Path(sys.argv[0]).stem == COMMAND else "python -m serving.model_server"
    try:
        parsed = server_flags.parse(sys.argv[1:] if arguments is None else arguments)
    except ValueError as error:
        print(f"{error}\n{server_flags.usage(program)}", end="")
        return EXIT_FAILED
    if parsed.values.pop("version"):
        print(_version_text())
        return 0
    if parsed.unknown:
        print(f"unknown argument: {parsed.unknown[0]}\n{server_flags.usage(program)}", end="")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(name)s] %(message)s")
    # Otherwise clients could fill the log with a line for every bad request.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    import_tensorflow(with_keras=False)
    if parsed.without_effect:
        names = ", ".join(f"--{name}" for name in parsed.without_effect)
        _logger.warning("These flags have no effect in this server: %s", names)
    return _serve(parsed.values)


def _serve(flags) -> int:
    try:
        server = ModelServer(**flags)
    except ServingError as error:
        return _report(error)
    with signals.handled(server.request_stop):
        try:
            server.start()
        except Cancelled:
            return 0
        except (ServingError, OSError) as error:
            server.stop(grace_seconds=0)
            return _report(error)
        server.wait()
        seconds = flags["grace_seconds"]
        _logger.info("Stopping; requests in flight have %d seconds to finish.", seconds)
        server.stop()
    return 0


def _report(error: ServingError | OSError) -> int:
    status = error.status_text() if isinstance(error, ServingError) else f"UNAVAILABLE: {error.strerror}"
    print(f"Failed to start server. Error: {status}", flush=True)
    return EXIT_FAILED


def _version_text() -> str:
    from training.runs.library_versions import library_versions

    versions = library_versions()
    return (
        f"TensorFlow ModelServer: product-image-zoo {versions['product-image-zoo']}\n"
        f"TensorFlow Library: {versions['tensorflow']}"
    )


def run() -> None:
    """Runs the server and ends the process."""
    try:
        check_not_shadowed()
    except RuntimeError as error:
        print(f"Failed to start server. Error: FAILED_PRECONDITION: {error}", flush=True)
        sys.exit(EXIT_FAILED)
    exit_code = main()
    sys.stdout.flush()
    # The interpreter would wait for requests that outlive their grace time, possibly for ever.
    os._exit(exit_code)


if __name__ == "__main__":
    run()
