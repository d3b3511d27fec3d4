"""Chooses one of three engines for a directory of models, and starts and stops its server."""

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from serving.launch.config_files import find_models, recorded_batching, server_arguments, write_config_files
from serving.launch.config_follower import POLL_SECONDS, ConfigFollower
from serving.model_server import signals
from serving.model_server.ports import check_port_is_free, to_address
from serving.wire.server_defaults import ALL_ADDRESSES, GRPC_PORT, REST_PORT, THIS_MACHINE
from zoo.command_line.own_packages import python_command, python_environment
from zoo.errors import UnknownNameError

TENSORFLOW_MODEL_SERVER = "tensorflow_model_server"
DOCKER = "docker"
EMBEDDED = "embedded"
ENGINES = (TENSORFLOW_MODEL_SERVER, DOCKER, EMBEDDED)
DOCKER_IMAGE = "tensorflow/serving:2.20.0"
STOP_SECONDS = 15.0


@dataclass(frozen=True)
class Engine:
    """An engine that can start a server.

    Attributes:
        name: One of `ENGINES`.
        reason: Reason for choosing it, to show to the user.
        host: Address to listen on. tensorflow_model_server has no such flag and listens on all of them.
        allows_reload: Whether clients may name other models to serve; tensorflow_model_server always lets
            them.
    """

    name: str
    reason: str
    host: str = THIS_MACHINE
    allows_reload: bool = False

    @property
    def warning(self) -> str | None:
        """What the engine cannot be kept from, in a sentence for the user; None if it does as it is told."""
        if self.name == EMBEDDED or (self.host == ALL_ADDRESSES and self.allows_reload):
            return None
        reach = "" if self.name == DOCKER else "listens on every address of this machine, and "
        return (
            f"{self.name} {reach}lets every client that reaches its gRPC port name other models to serve: "
            "keep the port closed to others"
        )

    def command(
        self,
        models_dir: Path,
        config_dir: Path,
        port: int,
        rest_api_port: int,
        with_batching: bool = True,
        intra_op_parallelism: int = 0,
    ) -> list[str]:
        """Returns the command line that serves a directory of configuration files.

        Args:
            models_dir: Absolute path of the models directory, which a container mounts read-only at the same
                path.
            config_dir: Absolute path of the directory that `write_config_files` wrote.
            port: gRPC port.
            rest_api_port: REST port; 0 turns REST off.
            with_batching: Whether requests share runs, as `batching.config` in the directory says.
            intra_op_parallelism: Threads per operation; 0 lets TensorFlow choose.
        """
        arguments = [
            *server_arguments(config_dir, port, rest_api_port, with_batching, intra_op_parallelism),
            f"--model_config_file_poll_wait_seconds={POLL_SECONDS}",
        ]
        if self.name == EMBEDDED:
            own = [f"--host={self.host}", *([] if self.allows_reload else ["--disable_reload"])]
            return [*python_command("serving.model_server"), *arguments, *own]
        if self.name == TENSORFLOW_MODEL_SERVER:
            return [TENSORFLOW_MODEL_SERVER, *arguments]
        volumes = [f"--volume={path}:{path}:ro" for path in (models_dir, config_dir)]
        ports = [
            f"--publish={to_address(self.host, number)}:{number}"
            for number in (port, rest_api_port)
            if number
        ]
        # --init, because the server handles no signals and ignores them as the container's first process.
        run = [DOCKER, "run", "--rm", "--init", *ports, *volumes]
        return [*run, f"--entrypoint={TENSORFLOW_MODEL_SERVER}", DOCKER_IMAGE, *arguments]


def choose_engine(name: str = "auto", host: str = THIS_MACHINE, allows_reload: bool = False) -> Engine:
    """Returns the named engine, or the best one that works here.

    Args:
        name: One of `ENGINES`, or `auto` for the first of them that works here.
        host: As for `Engine`.
        allows_reload: As for `Engine`.

    Raises:
        UnknownNameError: There is no such engine.
        RuntimeError: The engine does not work here.
    """
    if name not in ("auto", *ENGINES):
        raise UnknownNameError("engine", name, ("auto", *ENGINES))
    missing: list[str] = []
    for candidate in ENGINES:
        if name not in ("auto", candidate):
            continue
        obstacle = _obstacle(candidate)
        if obstacle is None:
            reason = "as requested" if name == candidate else ", ".join(missing) or "found on PATH"
            return Engine(candidate, reason, host, allows_reload)
        missing.append(obstacle)
    raise RuntimeError(
        f"The engine must work on this machine. Received: engine={name!r}; {missing[0]}. "
        "Install it, or use --engine auto."
    )


def _obstacle(name) -> str | None:
    """Returns the reason why an engine does not work; None if it does."""
    if name == TENSORFLOW_MODEL_SERVER and not shutil.which(name):
        return "no tensorflow_model_server on PATH"
    if name == DOCKER and not _docker_answers():
        return "docker does not answer"
    return None


def _docker_answers() -> bool:
    if not shutil.which(DOCKER):
        return False
    try:
        done = subprocess.run([DOCKER, "info"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


class RunningServer:
    """A server in its own process that follows later exports; use it as a context manager.

    Args:
        models_dir: Directory of all models.
        port: gRPC port.
        rest_api_port: REST port; 0 turns REST off.
        engine: An `Engine`, or a name for `choose_engine`.
        batching: As for `write_config_files`.
        output: File for the server's output; this process's output by default.
        intra_op_parallelism: As for `Engine.command`.

    Raises:
        FileNotFoundError: There is no model to serve.
        InvalidArgument: The recorded batching parameters do not parse.
        OSError: A port is in use.

    Example:

    ```python
    with RunningServer(Path("models"), port=8500, rest_api_port=8501) as server:
        server.wait_until_ready()
        client = connect(server.grpc_address)
    ```
    """

    def __init__(
        self,
        models_dir: Path,
        port: int = GRPC_PORT,
        rest_api_port: int = REST_PORT,
        engine: Engine | str = "auto",
        batching=None,
        output: BinaryIO | None = None,
        intra_op_parallelism: int = 0,
    ):
        self.engine = engine if isinstance(engine, Engine) else choose_engine(engine)
        self.grpc_address = f"localhost:{port}"
        self.rest_address = f"http://localhost:{rest_api_port}"
        self._ports = [number for number in (port, rest_api_port) if number]
        check_can_start(models_dir, port, rest_api_port, self.engine.host)
        self._config_dir = tempfile.TemporaryDirectory(prefix="zoo-serving-")
        config_dir = Path(self._config_dir.name)
        # A container may read the directory as another user.
        config_dir.chmod(0o755)
        batching = recorded_batching(models_dir) if batching is None else batching
        write_config_files(models_dir, config_dir, batching)
        self.command = self.engine.command(
            models_dir.resolve(),
            config_dir,
            port,
            rest_api_port,
            bool(batching.ListFields()),
            intra_op_parallelism,
        )
        # Outside the terminal's process group, so that Ctrl-C reaches the server once, through this process.
        self._process = subprocess.Popen(
            self.command, start_new_session=True, env=_environment(), stdout=output, stderr=output
        )
        self._following = contextlib.ExitStack()
        self._following.enter_context(ConfigFollower(models_dir, config_dir))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()

    def wait_until_ready(self, timeout_seconds: float = 300.0) -> None:
        """Waits until the ports are open, which they are once every model is loaded.

        Raises:
            RuntimeError: The server exited, or is not ready in time.
        """
        end = time.monotonic() + timeout_seconds
        while not all(map(_is_open, self._ports)):
            if self._process.poll() is not None:
                raise RuntimeError(
                    f"The server ended with exit code {self._process.returncode}; see its own messages above."
                )
            if time.monotonic() > end:
                raise RuntimeError(f"The server was not ready within {timeout_seconds:.0f} seconds.")
            time.sleep(0.1)

    @property
    def process_id(self) -> int:
        """Id of the started process: the server's, or that of the docker command that shows its output."""
        return self._process.pid

    def wait(self) -> int:
        """Waits until the server exits and returns its exit code."""
        return self._process.wait()

    def terminate(self, at_once: bool = False) -> None:
        """Tells the server to exit; with `at_once`, without finishing requests in flight."""
        self._process.send_signal(signal.SIGKILL if at_once else signal.SIGTERM)

    def stop(self) -> None:
        """Stops the server after giving requests in flight time to finish."""
        if self._process.poll() is None:
            self.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.terminate(at_once=True)
                self._process.wait()
        self._following.close()
        self._config_dir.cleanup()


def serve(
    models_dir: Path, port: int, rest_api_port: int, engine: Engine, intra_op_parallelism: int = 0
) -> int:
    """Serves until the server exits; passes SIGTERM and SIGINT on to it, and kills it on the second one.

    Args:
        models_dir: Directory of all models.
        port: gRPC port.
        rest_api_port: REST port; 0 turns REST off.
        engine: The engine to start.
        intra_op_parallelism: As for `Engine.command`.

    Returns:
        The server's exit code; 0 if a signal stopped it.

    Raises:
        FileNotFoundError: There is no model to serve.
        OSError: A port is in use.
    """
    running: list[RunningServer] = []
    told_to_stop: list[bool] = []

    def stop():
        for server in running:
            server.terminate(at_once=bool(told_to_stop))
        told_to_stop.append(True)

    with (
        signals.handled(stop),
        RunningServer(
            models_dir, port, rest_api_port, engine, intra_op_parallelism=intra_op_parallelism
        ) as server,
    ):
        running.append(server)
        # A signal that arrived before the process started could not be passed on.
        code = 0 if told_to_stop else server.wait()
    return 0 if told_to_stop else code


def check_can_start(models_dir: Path, port: int, rest_api_port: int, host: str = THIS_MACHINE) -> None:
    """Checks conditions that would otherwise fail only minutes later.

    Raises:
        FileNotFoundError: There is no model to serve.
        OSError: A port is in use, or the address is not this machine's.
    """
    find_models(models_dir)
    check_port_is_free(port, "--port", host)
    check_port_is_free(rest_api_port, "--rest-api-port", host)


def _environment() -> dict[str, str]:
    return {"TF_CPP_MIN_LOG_LEVEL": "3", **python_environment()}


def _is_open(port) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("localhost", port), timeout=1):
        return True
    return False
