"""The server object: loads models, opens ports and answers requests until it is stopped."""

import errno
import functools
import logging
import os
import threading
from typing import TYPE_CHECKING

import grpc
import uvicorn

from serving.model_server import flags as server_flags
from serving.model_server import options as start_options
from serving.model_server import tls
from serving.model_server.core.metrics import Metrics
from serving.model_server.ports import check_port_is_free, listening_socket, port_error, to_address
from serving.wire.server_defaults import GRPC_THREADS
from serving.wire.status import Cancelled, InvalidArgument, ServingError

if TYPE_CHECKING:
    from serving.model_server.core.server_core import ServerCore
    from serving.model_server.grpc_api.health_service import HealthService

_logger = logging.getLogger(__name__)


class ModelServer:
    """Loads models, then answers requests over gRPC and REST until it is stopped.

    Args:
        **flags: Values of flags in `server_flags.FLAGS`; other flags keep their defaults.

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
        start_options.check_flags(self.flags)
        self.metrics = Metrics()
        self._metrics_path: str | None = None
        self._core: ServerCore | None = None
        self._grpc_server: grpc.Server | None = None
        self._rest_server: uvicorn.Server | None = None
        self._rest_thread: threading.Thread | None = None
        self._health: HealthService | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Loads every model, then opens the ports.

        Raises:
            ServingError: A model does not load, or the configuration is wrong.
            OSError: A port is in use.
        """
        credentials = tls.server_credentials(self.flags["ssl_config_file"])
        host = self.flags["host"]
        check_port_is_free(self.flags["port"], "--port", host)
        check_port_is_free(self._rest_port(), "--rest_api_port", host)
        # Reports errors in flags, files and ports before the import of TensorFlow, which takes seconds.
        config = start_options.read_config(self.flags)
        self._metrics_path = start_options.metrics_path(self.flags)
        from serving.model_server.core.server_core import ServerCore

        core = ServerCore(config, start_options.load_options(self.flags, self.metrics), self.metrics)
        self._core = core
        if self._stopped.is_set():
            core.stop()
        core.load()
        self._start_grpc(core, credentials)
        self._follow_config_file(core)
        if self._rest_port():
            self._start_rest(core)

    def wait(self) -> None:
        """Waits until `stop` or `request_stop` is called."""
        self._stopped.wait()

    def request_stop(self) -> None:
        """Makes `wait` return and ends a `start` that waits for models; safe in signal handlers."""
        self._stopped.set()
        if self._core is not None:
            self._core.stop()

    def stop(self, grace_seconds: float | None = None) -> None:
        """Closes the ports and gives requests in flight time to finish, by default `--grace_seconds`."""
        self.request_stop()
        grace_seconds = self.flags["grace_seconds"] if grace_seconds is None else grace_seconds
        if self._health:
            self._health.end_watches()
        stopping = self._grpc_server.stop(grace_seconds) if self._grpc_server else None
        if self._rest_server:
            self._rest_server.should_exit = True
        if self._rest_thread:
            self._rest_thread.join(grace_seconds + 1)
        if stopping:
            stopping.wait(grace_seconds + 1)

    def _follow_config_file(self, core: "ServerCore"):
        seconds = self.flags["model_config_file_poll_wait_seconds"]
        if seconds > 0 and self.flags["model_config_file"]:
            threading.Thread(target=self._reload, args=(core, seconds), name="reload", daemon=True).start()

    def _reload(self, core: "ServerCore", seconds):
        while not self._stopped.wait(seconds):
            try:
                # Does not wait for new models, because nobody needs the result and the next reading is due.
                core.reload(start_options.read_config(self.flags), is_wanted=lambda: False)
            except Cancelled:
                continue
            except ServingError as error:
                _logger.error("Reloading %s: %s", self.flags["model_config_file"], error.status_text())

    def _rest_port(self) -> int:
        if self.flags["rest_api_port"] and self.flags["rest_api_port"] == self.flags["port"]:
            return 0
        return self.flags["rest_api_port"]

    def _default_threads(self) -> int:
        """Returns the number of requests answered at a time: four per CPU, as in TF Serving.

        With batching there are more, because a request that waits for others to share its run occupies a
        thread but no CPU; with few threads, requests of one row would never fill a batch.
        """
        num_threads = 4 * (os.cpu_count() or 1)
        return max(num_threads, GRPC_THREADS) if self.flags["enable_batching"] else num_threads

    def _start_grpc(self, core: "ServerCore", credentials):
        from serving.model_server.grpc_api import health_service
        from serving.model_server.grpc_api import service as grpc_service

        flags = self.flags
        server = self._grpc_server = grpc_service.make_server(
            core,
            flags["grpc_max_threads"] or self._default_threads(),
            flags["enable_serialization_as_tensor_content"],
            start_options.channel_arguments(flags["grpc_channel_arguments"]),
            flags["max_request_bytes"],
            flags["max_connections"],
            allows_reload=not flags["disable_reload"],
        )
        if flags["enable_grpc_healthcheck_service"]:
            self._health = health_service.HealthService()
            self._health.add_to(server)
        if flags["port"]:
            self._open_grpc_port(server, to_address(flags["host"], flags["port"]), credentials)
        if flags["grpc_socket_path"]:
            self._open_grpc_port(server, f"unix:{flags['grpc_socket_path']}")
        server.start()
        if flags["port"]:
            _logger.info("Running gRPC ModelServer at %s ...", to_address(flags["host"], flags["port"]))
        if flags["grpc_socket_path"]:
            _logger.info("Running gRPC ModelServer at UNIX socket %s ...", flags["grpc_socket_path"])

    def _open_grpc_port(self, server: grpc.Server, address, credentials=None):
        try:
            if credentials:
                port = server.add_secure_port(address, credentials)
            else:
                port = server.add_insecure_port(address)
            if port:
                return
        except RuntimeError:
            pass
        if address.startswith("unix:"):
            raise InvalidArgument(f"Cannot listen on {address}. Choose another path with --grpc_socket_path.")
        raise port_error(self.flags["port"], "--port", OSError(errno.EADDRINUSE, ""))

    def _start_rest(self, core: "ServerCore"):
        from serving.model_server.rest_api import connection_limits
        from serving.model_server.rest_api.service import RestService

        flags = self.flags
        timeout = flags["rest_api_timeout_in_ms"]
        service = RestService(
            core,
            flags["rest_api_num_threads"] or self._default_threads(),
            timeout / 1000 if timeout > 0 else None,
            flags["rest_api_enable_cors_support"],
            self._metrics_path,
        )
        listening = listening_socket(self._rest_port(), "--rest_api_port", flags["host"])
        config = uvicorn.Config(
            service,
            loop="asyncio",
            http=connection_limits.protocol(start_options.rest_limits(flags)),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=flags["idle_timeout_seconds"],
            timeout_graceful_shutdown=flags["grace_seconds"],
        )
        self._rest_server = uvicorn.Server(config)
        run = functools.partial(self._rest_server.run, sockets=[listening])
        self._rest_thread = threading.Thread(target=run, name="rest", daemon=True)
        self._rest_thread.start()
        _logger.info("Exporting HTTP/REST API at:localhost:%d ...", self._rest_port())
