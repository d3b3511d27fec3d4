"""Which machines train together, as `TF_CONFIG` says."""

import dataclasses
import json
from collections.abc import Mapping

from zoo.errors import WrongUsageError

ENVIRONMENT_VARIABLE = "TF_CONFIG"
EXAMPLE = '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a training, and which of them this process is.

    Args:
        addresses: `host:port` of every worker; the first one is the chief, which alone writes the run.
        index: Place of this process among them.
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
    """Reads the cluster that the environment describes.

    Args:
        environment: `os.environ`, of which `TF_CONFIG` counts: JSON as TensorFlow documents, with `worker`s
            and at most one `chief`.

    Raises:
        WrongUsageError: It is missing, is no JSON, or does not describe a cluster with this process in it.

    Example:

    >>> read_cluster({"TF_CONFIG": EXAMPLE})
    Cluster(addresses=('a:2222', 'b:2222'), index=0)
    """
    text = environment.get(ENVIRONMENT_VARIABLE)
    if not text:
        raise _wrong("It is not set")
    try:
        content = json.loads(text)
    except ValueError as error:
        raise _wrong(f"It is no JSON ({error}): {text!r}") from error
    try:
        hosts, task = content["cluster"], content["task"]
        kind, index = task["type"], task["index"]
        by_kind = {name: tuple(hosts.get(name, ())) for name in ("chief", "worker")}
    except (AttributeError, KeyError, TypeError) as error:
        raise _wrong(f"It lacks cluster, task, type or index: {text!r}") from error
    others = sorted(set(hosts) - set(by_kind))
    if others:
        raise _wrong(f"Only chief and worker are known, and it has {', '.join(others)}: {text!r}")
    addresses = by_kind["chief"] + by_kind["worker"]
    is_known = kind in by_kind and isinstance(index, int) and 0 <= index < len(by_kind[kind])
    if len(by_kind["chief"]) > 1 or not is_known:
        raise _wrong(f"It does not say which one of its workers this is: {text!r}")
    for address in addresses:
        host, _, port = str(address).rpartition(":")
        if not (host and port.isdecimal() and 0 < int(port) < 1 << 16) or addresses.count(address) > 1:
            raise _wrong(f"Every address must be host:port, and another one. {address!r} is not: {text!r}")
    return Cluster(addresses, index + (len(by_kind["chief"]) if kind == "worker" else 0))


def _wrong(what: str) -> WrongUsageError:
    return WrongUsageError(
        f"`--distribute multi_worker` needs the environment variable {ENVIRONMENT_VARIABLE} with all workers "
        f"and the place of this one. {what}. For example: {ENVIRONMENT_VARIABLE}='{EXAMPLE}'."
    )
