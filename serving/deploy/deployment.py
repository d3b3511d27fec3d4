"""Holds a deployment's settings and fills them into the templates beside this module.

A template is the file itself with `@name@` in place of a value. A placeholder alone on its line passes the
line's indentation on to every line of its value.
"""

import json
import re
import shlex
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from serving.launch.config_files import config_texts, find_models, server_arguments
from serving.launch.engine import DOCKER_IMAGE
from serving.wire.server_defaults import GATEWAY_MAX_REQUEST_MEBIBYTES, GRPC_PORT, METRICS_PATH, REST_PORT
from zoo.errors import UnknownNameError, WrongUsageError
from zoo.files.atomic_write import write_text

TEMPLATES = Path(__file__).with_name("templates")
MODELS_MOUNT = Path("/models")
CONFIG_MOUNT = Path("/etc/serving")
IMAGES = {
    "image": DOCKER_IMAGE,
    "gateway_image": "nginx:1.28.0",
    "prometheus_image": "prom/prometheus:v3.5.0",
    "grafana_image": "grafana/grafana:12.1.1",
    "busybox_image": "busybox:1.37.0",
}
# KServe's own runtime sets ports, time limits and its single model.
_NOT_FOR_KSERVE = (
    "port",
    "rest_api_port",
    "rest_api_timeout_in_ms",
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "allow_version_labels_for_unavailable_models",
)
# The command has options of its own for these.
_OWN_OPTIONS = ("models_dir", "port", "rest_api_port")
_PER_MODEL = "kserve/inference-service.yaml"
_PLACEHOLDER = re.compile(r"(?P<indent>^ +)?@(?P<name>[a-z_]+)@", re.MULTILINE)
_PLAIN = re.compile(r"[A-Za-z0-9._/-]+")
_KUBERNETES_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Deployment:
    """The single place for a deployment's models, ports, paths, flags and limits.

    Attributes:
        models_dir: Directory of all models on this machine, an absolute path.
        port: gRPC port inside the deployment.
        rest_api_port: Port of REST and metrics inside the deployment.
        gateway_port: Port that clients connect to.
        serving_host: The model server's host name in its network.
        secrets_dir: Directory of the gateway's certificate and API keys.
        num_cpus: CPUs of one server, and the number of its threads.
        memory_gibibytes: Memory of one server.
        max_request_megabytes: Size limit of a request at the gateway, in MiB.
        requests_per_second: Rate limit of one client, over all its keys and both protocols.
        burst_requests: Requests that a client may send at once beyond this rate.
        timeout_seconds: The server's time limit for one REST request.

    Raises:
        WrongUsageError: A value is not allowed.

    Example:

    ```python
    write_deployment(Deployment(Path("models").resolve(), num_cpus=8), Path("deploy"))
    ```
    """

    models_dir: Path
    port: int = GRPC_PORT
    rest_api_port: int = REST_PORT
    gateway_port: int = 8443
    serving_host: str = "serving"
    secrets_dir: str = "/run/gateway"
    num_cpus: int = 4
    memory_gibibytes: int = 4
    max_request_megabytes: int = GATEWAY_MAX_REQUEST_MEBIBYTES
    requests_per_second: int = 20
    burst_requests: int = 40
    timeout_seconds: int = 60

    def __post_init__(self):
        if not self.rest_api_port:
            raise WrongUsageError(
                "A deployment needs REST, because probes and Prometheus use it. "
                f"Received: rest_api_port={self.rest_api_port}. Leave --rest-api-port out, or choose another."
            )
        for name, value in vars(self).items():
            if isinstance(value, int) and value < 1:
                raise WrongUsageError(
                    f"`{name}` must be at least 1. Received: {name}={value}. Choose a larger value."
                )
            if isinstance(value, str) and not _PLAIN.fullmatch(value):
                raise WrongUsageError(
                    f"`{name}` must consist of letters, digits, `.`, `_`, `/` and `-`, because it is written "
                    f"into several kinds of files. Received: {name}={value!r}. Choose a plainer value."
                )

    def server_arguments(self) -> list[str]:
        """Returns the server's flags, the same in every environment."""
        return [
            *server_arguments(CONFIG_MOUNT, self.port, self.rest_api_port),
            "--model_config_file_poll_wait_seconds=30",
            f"--rest_api_timeout_in_ms={1000 * self.timeout_seconds}",
            # Stated, because a container sees all CPUs of its machine.
            f"--tensorflow_intra_op_parallelism={self.num_cpus}",
            f"--tensorflow_inter_op_parallelism={self.num_cpus}",
            # A single thread would retry a version that fails to load before it loads any other.
            "--num_load_threads=2",
            "--num_unload_threads=2",
            "--enable_profiler=false",
        ]

    def files(self) -> dict[str, str]:
        """Returns the text of every file, by its path below the deployment's directory.

        Raises:
            FileNotFoundError: There is no model to serve.
            ValueError: A model's name cannot become a Kubernetes name.
        """
        names = kubernetes_names(find_models(self.models_dir))
        configs = config_texts(self.models_dir, MODELS_MOUNT, self.num_cpus)
        files = {f"config/{name}": text for name, text in configs.items()}
        values = self._values(names)
        for template in sorted(path for path in TEMPLATES.rglob("*") if path.is_file()):
            path = template.relative_to(TEMPLATES).as_posix()
            text = template.read_text(encoding="utf-8")
            if path != _PER_MODEL:
                files[path] = _fill(text, values)
                continue
            for model_name, kserve_name in names.items():
                own = {"model_name": model_name, "kserve_name": kserve_name}
                files[f"kserve/{kserve_name}.yaml"] = _fill(text, values | own)
        return files

    def _values(self, names) -> dict[str, str]:
        first = next(iter(names))
        arguments = self.server_arguments()
        return {
            **{name: str(value) for name, value in vars(self).items()},
            **IMAGES,
            "models_dir_in_shell": shlex.quote(str(self.models_dir)),
            "models_dir_in_compose": json.dumps(str(self.models_dir).replace("$", "$$")),
            "models_mount": str(MODELS_MOUNT),
            "config_mount": str(CONFIG_MOUNT),
            "metrics_path": METRICS_PATH,
            "status_path": f"/v1/models/{first}",
            "probe_path": f"/v1/models/{first}/metadata",
            # Longer than the server's limit, so that the client gets the server's own message.
            "gateway_timeout_seconds": str(self.timeout_seconds + 5),
            "server_arguments": _yaml_list(arguments),
            "kserve_arguments": _yaml_list(a for a in arguments if _flag_name(a) not in _NOT_FOR_KSERVE),
            "kserve_files": _yaml_list(f"{name}.yaml" for name in names.values()),
            "kserve_names": ", ".join(f"`{name}`" for name in names.values()),
            "model_names": ", ".join(f"`{name}`" for name in names),
            "alert_groups": _alert_groups(),
        }


def write_deployment(deployment: Deployment, directory: Path) -> list[Path]:
    """Writes a deployment's files, replacing older ones, and returns their paths.

    Args:
        deployment: The deployment's settings.
        directory: Directory to write to, created if missing. Other files in it are left alone.

    Raises:
        FileNotFoundError: There is no model to serve.
        ValueError: A model's name cannot become a Kubernetes name.
    """
    return [write_text(directory / path, text) for path, text in deployment.files().items()]


def parse_settings(texts: Iterable[str]) -> dict[str, Any]:
    """Parses `name=value` texts into keyword arguments of `Deployment`.

    Raises:
        UnknownNameError: There is no such setting.
        WrongUsageError: A value that must be a number is not one.

    Example:

    >>> parse_settings(["num_cpus=8"])
    {'num_cpus': 8}
    """
    kinds: dict[str, type[int] | type[str]] = {
        field.name: int if isinstance(field.default, int) else str
        for field in fields(Deployment)
        if field.name not in _OWN_OPTIONS
    }
    settings = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in kinds:
            raise UnknownNameError("setting", name, kinds)
        try:
            settings[name] = kinds[name](value)
        except ValueError as error:
            raise WrongUsageError(
                f"`{name}` must be a whole number. Received: {text!r}. Write, e.g., {name}=8."
            ) from error
    return settings


def kubernetes_names(model_names) -> dict[str, str]:
    """Maps each model's name to a Kubernetes name, which has only lower-case letters, digits and hyphens.

    Raises:
        ValueError: A name cannot be mapped, or two models would share one.

    Example:

    >>> kubernetes_names(["srcnn_x2"])
    {'srcnn_x2': 'srcnn-x2'}
    """
    names: dict[str, str] = {}
    for model_name in model_names:
        name = re.sub(r"[_.]", "-", model_name.lower())
        if not _KUBERNETES_NAME.fullmatch(name) or name in names.values():
            raise ValueError(
                "A model's name must have at most 63 letters, digits, `_`, `.` and `-`, begin with a letter, "
                "end with a letter or digit, and differ from other names in more than punctuation and "
                "capitals, because Kubernetes requires it of names. "
                f"Received: model_name={model_name!r}. Export it again with another --model-name."
            )
        names[model_name] = name
    return names


def _fill(text, values) -> str:
    def replaced(match):
        indent = match["indent"] or ""
        return textwrap.indent(values[match["name"]], indent)

    return _PLACEHOLDER.sub(replaced, text)


def _yaml_list(items) -> str:
    return "\n".join(f"- {item if _is_plain(item) else json.dumps(item)}" for item in items)


def _is_plain(item) -> bool:
    return re.fullmatch(r"[A-Za-z-][A-Za-z0-9_./=-]*", item) is not None


def _flag_name(argument) -> str:
    return argument.removeprefix("--").partition("=")[0]


def _alert_groups() -> str:
    text = (TEMPLATES / "monitoring" / "alerts.yaml").read_text(encoding="utf-8")
    return text[text.index("groups:") :].rstrip()
