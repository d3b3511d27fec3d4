"""Waits, with a timeout, for all workers of a cluster to start, because TensorFlow would wait forever."""

import contextlib
import socket
import threading
import time

from training.distribution.cluster import Cluster

RETRY_SECONDS = 0.2
ANSWER_SECONDS = 2.0
GREETING = b"zoo worker %d\n"


class MissingPeerError(ConnectionError):
    """Raised when a worker does not start in time; the message says which one."""


def wait_for_peers(cluster: Cluster, timeout_seconds: float) -> None:
    """Waits until all workers have contacted each other on the ports that they train on.

    The ports are free again afterwards.

    Args:
        cluster: The cluster; all workers call this with the same addresses.
        timeout_seconds: How long to wait.

    Raises:
        MissingPeerError: A worker could not be contacted, or did not contact this one.
        OSError: This worker's own port is in use.
    """
    deadline = time.monotonic() + timeout_seconds
    missing = set(range(len(cluster.addresses))) - {cluster.index}
    unheard = set(missing)
    with _listen(cluster.own_address) as listener:
        # A thread, because two workers that greet each other would wait for each other's answer.
        answering = threading.Thread(target=_answer, args=(listener, unheard), daemon=True)
        answering.start()
        while (missing or unheard) and time.monotonic() < deadline:
            for index in sorted(missing):
                if _greet(cluster.addresses[index], cluster.index):
                    missing.discard(index)
            if missing or unheard:
                time.sleep(RETRY_SECONDS)
        listener.shutdown(socket.SHUT_RDWR)
        answering.join()
    if missing or unheard:
        names = ", ".join(cluster.addresses[index] for index in sorted(missing | unheard))
        raise MissingPeerError(
            f"All {len(cluster.addresses)} workers must start within {timeout_seconds:g} seconds. Received "
            f"at {cluster.own_address}: nothing from {names}. Start them with the same addresses, or wait "
            "longer with --peer-timeout."
        )


def _listen(address: str) -> socket.socket:
    port = int(address.rpartition(":")[2])
    try:
        return socket.create_server(("", port))
    except OSError as error:
        raise OSError(
            f"A worker's own port must be free. Received: {address}, {error.strerror or error}. Stop the "
            "program that listens there, or choose another port in TF_CONFIG."
        ) from error


def _answer(listener: socket.socket, unheard: set[int]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # shut down
            return
        with connection:
            unheard.discard(_read_greeting(connection))


def _greet(address: str, own_index: int) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS) as connection:
            connection.sendall(GREETING % own_index)
            # Any other answer, or none, means that this is not the worker of that address.
            return connection.recv(len(GREETING)) == b"welcome\n"
    except OSError:
        return False


def _read_greeting(connection: socket.socket) -> int | None:
    """Answers a greeting and returns the worker's index; None if the caller is not a worker."""
    connection.settimeout(ANSWER_SECONDS)
    with contextlib.suppress(OSError, ValueError):
        text = connection.makefile("rb").readline(64)
        if text.startswith(b"zoo worker "):
            index = int(text.removeprefix(b"zoo worker "))
            connection.sendall(b"welcome\n")
            return index
    return None
