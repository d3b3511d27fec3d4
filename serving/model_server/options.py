"""Checks the server's flags and turns them, and the files they name, into options of its parts."""

import logging
from collections.abc import Mapping

from serving.wire import messages
from serving.wire.server_defaults import METRICS_PATH
from serving.wire.status import InvalidArgument
from serving.wire.text_proto import read_text_proto

_POSITIVE = (
    "max_request_bytes",
    "max_request_rows",
    "max_header_bytes",
    "max_connections",
    "idle_timeout_seconds",
    "receive_timeout_seconds",
)
_logger = logging.getLogger(__name__)


def check_flags(flags: Mapping) -> None:
    """Checks that the flags do not contradict each other, before anything is loaded.

    Raises:
        InvalidArgument: The flags break one of TF Serving's rules, or a limit is not positive.
    """
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
    for name in _POSITIVE:
        if flags[name] <= 0:
            raise InvalidArgument(f"--{name} must be positive. Received: {flags[name]}")
    if flags["ssl_config_file"] and flags["use_alts_credentials"]:
        raise InvalidArgument(
            "Either server_options.ssl_config_file or server_options.use_alts_credentials can be set, "
            "not both."
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


def read_config(flags: Mapping):
    """Reads the `ModelServerConfig` that the flags name, or makes one for their single model.

    Raises:
        ServingError: The file cannot be read.
    """
    # Deferred, because this import loads all of TensorFlow.
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    if flags["model_config_file"]:
        return read_text_proto(flags["model_config_file"], ModelServerConfig)
    config = ModelServerConfig()
    config.model_config_list.config.add(
        name=flags["model_name"], base_path=flags["model_base_path"], model_platform="tensorflow"
    )
    return config


def load_options(flags: Mapping, metrics):
    """Returns the `LoadOptions` for versions.

    Args:
        flags: Values by name.
        metrics: The server's `Metrics`.

    Raises:
        ServingError: The batching parameters cannot be read, or break a rule.
    """
    import tensorflow as tf

    from serving.model_server.core.version_loading import LoadOptions

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
        num_load_threads=flags["num_load_threads"],
        num_unload_threads=flags["num_unload_threads"],
        batching=_batching(flags, metrics),
        max_request_rows=flags["max_request_rows"],
        enable_signature_method_name_check=flags["enable_signature_method_name_check"],
        allow_version_labels_for_unavailable_models=flags["allow_version_labels_for_unavailable_models"],
    )


def _batching(flags, metrics):
    if not flags["enable_batching"]:
        return None
    from serving.model_server.core.batching import Batching

    file = flags["batching_parameters_file"]
    parameters = read_text_proto(file, messages.BatchingParameters) if file else None
    return Batching(parameters, flags["enable_per_model_batching_parameters"], metrics)


def metrics_path(flags: Mapping) -> str | None:
    """Returns the path of Prometheus' page on the REST port; None if it is off.

    Raises:
        ServingError: The monitoring file cannot be read.
    """
    if not flags["monitoring_config_file"]:
        return None
    config = read_text_proto(flags["monitoring_config_file"], messages.MonitoringConfig).prometheus_config
    return (config.path or METRICS_PATH) if config.enable else None


def rest_limits(flags: Mapping):
    """Returns the `RestLimits` of the REST port."""
    from serving.model_server.rest_api.connection_limits import RestLimits

    return RestLimits(
        max_request_bytes=flags["max_request_bytes"],
        max_header_bytes=flags["max_header_bytes"],
        max_connections=flags["max_connections"],
        idle_seconds=flags["idle_timeout_seconds"],
        receive_seconds=flags["receive_timeout_seconds"],
    )


def channel_arguments(text: str) -> tuple[tuple[str, int | str], ...]:
    """Parses `name=value,name=value` into gRPC channel arguments."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    return tuple((name, int(value) if value.lstrip("-").isdigit() else value) for name, _, value in pairs)
