"""Reads the cluster of workers from the environment variable `TF_CONFIG`."""

import dataclasses
import json
from collections.abc import Mapping

from zoo.errors import WrongUsageError

ENVIRONMENT_VARIABLE = "TF_CONFIG"
EXAMPLE = '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a training, and this process's place among them.

    Args:
        addresses: `host:port` of every worker; the first one is the chief, the only one that writes the run.
        index: Index of this process in `addresses`.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        return self.index == 0

    @property
    def own_address(self) -> str:
        return self.addresses[self.index]

    @property
    def peers(self) -> tuple[str, ...]:
        """Addresses of the other workers."""
        return tuple(address for index, address in enumerate(self.addresses) if index != self.index)


def read_cluster(environment: Mapping[str, str]) -> Cluster:
    """Reads the cluster described by the environment.

    Args:
        environment: `os.environ`. Its `TF_CONFIG` is JSON in TensorFlow's documented format, with `worker`s
            and at most one `chief`.

    Raises:
        WrongUsageError: `TF_CONFIG` is missing, is not JSON, or does not describe a cluster that includes
            this process.

    Example:

    >>> read_cluster({"TF_CONFIG": EXAMPLE})
    Cluster(addresses=('a:2222', 'b:2222'), index=0)
    """
    text = environment.get(ENVIRONMENT_VARIABLE)
    if not text:
        raise _wrong("no value")
    try:
        content = json.loads(text)
    except ValueError as error:
        raise _wrong(f"a value that is not JSON ({error}): {text!r}") from error
    try:
        hosts, task = content["cluster"], content["task"]
        kind, index = task["type"], task["index"]
        by_kind = {name: tuple(hosts.get(name, ())) for name in ("chief", "worker")}
    except (AttributeError, KeyError, TypeError) as error:
        raise _wrong(f"a value without cluster, task, type or index: {text!r}") from error
    others = sorted(set(hosts) - set(by_kind))
    if others:
        raise _wrong(f"{', '.join(others)}, where only chief and worker are supported: {text!r}")
    addresses = by_kind["chief"] + by_kind["worker"]
    is_known = kind in by_kind and isinstance(index, int) and 0 <= index < len(by_kind[kind])
    if len(by_kind["chief"]) > 1 or not is_known:
        raise _wrong(f"a value that does not say which of its workers this one is: {text!r}")
    for address in addresses:
        host, _, port = str(address).rpartition(":")
        if not (host and port.isdecimal() and 0 < int(port) < 1 << 16) or addresses.count(address) > 1:
            raise _wrong(f"the address {address!r}, which is not a unique host:port: {text!r}")
    return Cluster(addresses, index + (len(by_kind["chief"]) if kind == "worker" else 0))


def _wrong(received: str) -> WrongUsageError:
    return WrongUsageError(
        f"The environment variable {ENVIRONMENT_VARIABLE} must list all workers and the index of this one, "
        f"because `--distribute multi_worker` is set. Received: {received}. "
        f"Set it as in {ENVIRONMENT_VARIABLE}='{EXAMPLE}'."
    )
