"""`python -m serving.model_server`: starts, answers and fails as tensorflow_model_server does."""

import errno
import functools
import logging
import os
import sys
import threading
from importlib import metadata

import uvicorn

from serving import server_flags, signals
from serving.config_files import read_text_proto
from serving.ports import check_port_is_free, listening_socket, port_error
from serving.status import Cancelled, InvalidArgument, ServingError
from zoo.quiet_import import import_tensorflow

GRACE_SECONDS = 10.0
# What `exit(-1)` of the C++ program becomes.
EXIT_FAILED = 255
_logger = logging.getLogger(__name__)


class ModelServer:
    """Loads models, then answers over gRPC and REST until it is stopped.

    Args:
        **flags: Values by the names of `server_flags.FLAGS`; the others keep their defaults.

    Raises:
        ServingError: The flags contradict each other.

    Example:

    ```python
    server = ModelServer(model_config_file="models.config", port=8500, rest_api_port=8501)
    server.start()
    server.stop()
    ```
    """

    def __init__(self, **flags):
        self.flags = server_flags.parse([]).values | flags
        _check_flags(self.flags)
        self._core = None
        self._grpc_server = None
        self._rest_server = None
        self._rest_thread = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Loads every model, then opens the ports.

        Raises:
            ServingError: A model does not load, or the configuration is wrong.
            OSError: A port is in use.
        """
        check_port_is_free(self.flags["port"], "--port")
        check_port_is_free(self._rest_port(), "--rest_api_port")
        # TensorFlow takes seconds to import; what is wrong with flags, files and ports is said before.
        config = _read_config(self.flags)
        from serving.core import ServerCore

        self._core = ServerCore(config, _load_options(self.flags))
        if self._stopped.is_set():
            self._core.stop()
        self._core.load()
        self._start_grpc()
        if self._rest_port():
            self._start_rest()

    def wait(self) -> None:
        """Returns when `stop` has been called."""
        self._stopped.wait()

    def request_stop(self) -> None:
        """Makes `wait` return and ends a `start` that waits for models; for signal handlers."""
        self._stopped.set()
        if self._core is not None:
            self._core.stop()

    def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Closes the ports and gives requests in flight time to finish."""
        self.request_stop()
        stopping = self._grpc_server.stop(grace_seconds) if self._grpc_server else None
        if self._rest_server:
            self._rest_server.should_exit = True
            self._rest_thread.join(grace_seconds + 1)
        if stopping:
            stopping.wait(grace_seconds + 1)

    def _rest_port(self) -> int:
        if self.flags["rest_api_port"] and self.flags["rest_api_port"] == self.flags["port"]:
            return 0
        return self.flags["rest_api_port"]

    def _start_grpc(self):
        from serving import grpc_service

        flags = self.flags
        self._grpc_server = grpc_service.make_server(
            self._core,
            flags["grpc_max_threads"] or None,
            flags["enable_serialization_as_tensor_content"],
            _channel_arguments(flags["grpc_channel_arguments"]),
        )
        if flags["port"]:
            self._open_grpc_port(f"0.0.0.0:{flags['port']}")
        if flags["grpc_socket_path"]:
            self._open_grpc_port(f"unix:{flags['grpc_socket_path']}")
        self._grpc_server.start()
        if flags["port"]:
            _logger.info("Running gRPC ModelServer at 0.0.0.0:%d ...", flags["port"])
        if flags["grpc_socket_path"]:
            _logger.info("Running gRPC ModelServer at UNIX socket %s ...", flags["grpc_socket_path"])

    def _open_grpc_port(self, address):
        try:
            if self._grpc_server.add_insecure_port(address):
                return
        except RuntimeError:
            pass
        if address.startswith("unix:"):
            raise InvalidArgument(f"Cannot listen on {address}. Choose another path with --grpc_socket_path.")
        raise port_error(self.flags["port"], "--port", OSError(errno.EADDRINUSE, ""))

    def _start_rest(self):
        from serving.rest_service import RestService

        flags = self.flags
        timeout = flags["rest_api_timeout_in_ms"]
        service = RestService(
            self._core,
            flags["rest_api_num_threads"] or None,
            timeout / 1000 if timeout > 0 else None,
            flags["rest_api_enable_cors_support"],
        )
        listening = listening_socket(self._rest_port(), "--rest_api_port")
        config = uvicorn.Config(
            service,
            loop="asyncio",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=int(GRACE_SECONDS),
        )
        self._rest_server = uvicorn.Server(config)
        run = functools.partial(self._rest_server.run, sockets=[listening])
        self._rest_thread = threading.Thread(target=run, name="rest", daemon=True)
        self._rest_thread.start()
        _logger.info("Exporting HTTP/REST API at:localhost:%d ...", self._rest_port())


def main(arguments: list[str] | None = None) -> int:
    """Runs the server until SIGTERM or SIGINT, and returns the exit code.

    Args:
        arguments: The words after the program's name; those of the process by default.
    """
    program = "python -m serving.model_server"
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
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    import_tensorflow()
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
        _logger.info("Stopping; requests in flight have %.0f seconds to finish.", GRACE_SECONDS)
        server.stop()
    return 0


def _report(error: ServingError | OSError) -> int:
    status = error.status_text() if isinstance(error, ServingError) else f"UNAVAILABLE: {error.strerror}"
    print(f"Failed to start server. Error: {status}", flush=True)
    return EXIT_FAILED


def _check_flags(flags):
    if not flags["port"] and not flags["grpc_socket_path"]:
        raise InvalidArgument("At least one of server_options.grpc_port or grpc_socket_path must be set.")
    if not flags["model_base_path"] and not flags["model_config_file"]:
        raise InvalidArgument(
            "Both server_options.model_base_path and server_options.model_config_file are empty!"
        )
    if flags["batching_parameters_file"] and not flags["enable_batching"]:
        raise InvalidArgument(
            "server_options.batching_parameters_file is set without setting "
            "server_options.enable_batching to true."
        )
    parallelism = ("session", "intra_op", "inter_op")
    if all(flags[f"tensorflow_{kind}_parallelism"] > 0 for kind in parallelism):
        raise InvalidArgument(
            "Either server_options.tensorflow_session_parallelism or "
            "(server_options.tensorflow_intra_op_parallelism, "
            "server_options.tensorflow_inter_op_parallelism) can be set, not both."
        )
    if flags["rest_api_port"] and flags["rest_api_port"] == flags["port"]:
        _logger.error(
            "server_options.http_port cannot be same as grpc_port. Please use a different port for HTTP/REST "
            "API. Skipped exporting HTTP/REST API."
        )


def _read_config(flags):
    # Its import loads all of TensorFlow.
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    if flags["model_config_file"]:
        return read_text_proto(flags["model_config_file"], ModelServerConfig)
    config = ModelServerConfig()
    config.model_config_list.config.add(
        name=flags["model_name"], base_path=flags["model_base_path"], model_platform="tensorflow"
    )
    return config


def _load_options(flags):
    import tensorflow as tf

    from serving.core import LoadOptions

    session_threads = flags["tensorflow_session_parallelism"]
    return LoadOptions(
        saved_model_tags=tuple(flags["saved_model_tags"].split(",")),
        session_config=tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=session_threads or flags["tensorflow_intra_op_parallelism"],
            inter_op_parallelism_threads=session_threads or flags["tensorflow_inter_op_parallelism"],
        ),
        enable_model_warmup=flags["enable_model_warmup"],
        num_request_iterations_for_warmup=flags["num_request_iterations_for_warmup"] or 1,
        max_num_load_retries=flags["max_num_load_retries"],
        load_retry_interval_micros=flags["load_retry_interval_micros"],
        file_system_poll_wait_seconds=flags["file_system_poll_wait_seconds"],
        allow_version_labels_for_unavailable_models=flags["allow_version_labels_for_unavailable_models"],
    )


def _channel_arguments(text: str) -> tuple[tuple[str, int | str], ...]:
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    return tuple((name, int(value) if value.lstrip("-").isdigit() else value) for name, _, value in pairs)


def _version_text() -> str:
    return (
        f"TensorFlow ModelServer: product-image-zoo {metadata.version('product-image-zoo')}\n"
        f"TensorFlow Library: {metadata.version('tensorflow')}"
    )


if __name__ == "__main__":
    exit_code = main()
    sys.stdout.flush()
    # The interpreter would wait for requests that outlived their grace time, for ever if they never end.
    os._exit(exit_code)
