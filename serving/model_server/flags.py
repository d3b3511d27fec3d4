"""The flags of tensorflow_model_server, with its names, defaults and parsing rules.

Sources:
    [TFS] tensorflow/serving, `model_servers/main.cc`
"""

from dataclasses import dataclass

from serving.wire.server_defaults import (
    ALL_ADDRESSES,
    GRPC_PORT,
    MAX_CONNECTIONS,
    MAX_HEADER_BYTES,
    MAX_REQUEST_BYTES,
    MAX_REQUEST_ROWS,
)

_OWN = "not in tensorflow_model_server"
_CPU_THREADS = "0 means four per CPU"


@dataclass(frozen=True)
class Flag:
    """A flag of its default's type.

    Attributes:
        name: Name without the dashes.
        default: Value if the flag is not given.
        help: One line of help; `""` for a flag that this server accepts without effect.
    """

    name: str
    default: bool | int | float | str
    help: str = ""


FLAGS = (
    Flag("port", GRPC_PORT, "Port of the gRPC server; 0 turns it off (then --grpc_socket_path is needed)"),
    Flag("grpc_socket_path", "", "Path of a unix socket on which gRPC also listens"),
    Flag("rest_api_port", 0, "Port of the REST server; 0 turns it off"),
    Flag("rest_api_num_threads", 0, f"REST requests answered at a time; {_CPU_THREADS}"),
    Flag("rest_api_timeout_in_ms", 30000, "Time limit of a REST prediction in milliseconds"),
    Flag("rest_api_enable_cors_support", False, "Let browsers on other sites read REST responses"),
    Flag("model_name", "default", "Name of the model (ignored with --model_config_file)"),
    Flag("model_base_path", "", "Directory of the model's versions (ignored with --model_config_file)"),
    Flag("model_config_file", "", "Text ModelServerConfig with the models to serve"),
    Flag("file_system_poll_wait_seconds", 1, "Seconds between two searches for versions; 0 searches once"),
    Flag(
        "allow_version_labels_for_unavailable_models",
        False,
        "Let labels point to versions that are not loaded",
    ),
    Flag("max_num_load_retries", 5, "Number of retries to load a version"),
    Flag("load_retry_interval_micros", 60_000_000, "Microseconds between two attempts to load a version"),
    Flag("enable_model_warmup", True, "Run a version's recorded requests before it answers clients"),
    Flag("num_request_iterations_for_warmup", 0, "Runs of each recorded request; 0 means one"),
    Flag("grpc_channel_arguments", "", "Further gRPC arguments: name=value,name=value"),
    Flag("grpc_max_threads", 0, f"gRPC requests answered at a time; {_CPU_THREADS}"),
    Flag(
        "enable_serialization_as_tensor_content",
        False,
        "Return outputs as tensor_content instead of typed fields",
    ),
    Flag("saved_model_tags", "serve", "Comma-separated tags of the meta graph to load"),
    Flag(
        "tensorflow_session_parallelism",
        0,
        "Sets both following flags to the same number of threads; 0 lets TensorFlow choose",
    ),
    Flag("tensorflow_intra_op_parallelism", 0, "Threads per operation; 0 lets TensorFlow choose"),
    Flag("tensorflow_inter_op_parallelism", 0, "Operations run at a time; 0 lets TensorFlow choose"),
    Flag("host", ALL_ADDRESSES, f"Address to listen on; by default every one of this machine; {_OWN}"),
    Flag("disable_reload", False, f"Refuse HandleReloadConfigRequest; {_OWN}"),
    # This server's own limits, which tensorflow_model_server leaves to a proxy and ignores as flags.
    Flag("max_request_bytes", MAX_REQUEST_BYTES, f"Largest REST body and gRPC message in bytes; {_OWN}"),
    Flag("max_request_rows", MAX_REQUEST_ROWS, f"Most rows of a request's inputs; {_OWN}"),
    Flag("max_header_bytes", MAX_HEADER_BYTES, f"Largest REST request line and headers in bytes; {_OWN}"),
    Flag(
        "max_connections",
        MAX_CONNECTIONS,
        f"Most open REST connections, and most gRPC requests in progress; {_OWN}",
    ),
    Flag("idle_timeout_seconds", 60, f"Seconds that REST connections stay open between requests; {_OWN}"),
    Flag("receive_timeout_seconds", 30, f"Seconds that a REST request may take to arrive; {_OWN}"),
    Flag("grace_seconds", 10, f"Seconds for requests in flight to finish after SIGTERM; {_OWN}"),
    Flag("version", False, "Print the versions and exit"),
    Flag("enable_batching", False, "Let requests share runs of the model"),
    Flag("batching_parameters_file", "", "Text BatchingParameters; needs --enable_batching"),
    Flag(
        "enable_per_model_batching_parameters",
        False,
        "Read parameters from VERSION/batching_params.pbtxt; a version without the file is not batched",
    ),
    Flag(
        "model_config_file_poll_wait_seconds",
        0,
        "Seconds between two readings of --model_config_file; 0 reads it once",
    ),
    Flag("num_load_threads", 0, "Versions loaded at a time; 0 loads them one by one, including retries"),
    Flag("num_unload_threads", 0, "Versions unloaded at a time"),
    Flag("monitoring_config_file", "", "Text MonitoringConfig, for Prometheus' page on the REST port"),
    Flag("ssl_config_file", "", "Text SSLConfig, for TLS on the gRPC port"),
    Flag("enable_grpc_healthcheck_service", False, "Serve grpc.health.v1.Health on the gRPC port"),
    Flag(
        "enable_signature_method_name_check",
        False,
        "Restrict signatures to the method they were exported for",
    ),
    Flag("enable_profiler", True),
    Flag("tensorflow_session_config_file", ""),
    Flag("per_process_gpu_memory_fraction", 0.0),
    Flag("mixed_precision", ""),
    Flag("flush_filesystem_caches", True),
    Flag("remove_unused_fields_from_bundle_metagraph", True),
    Flag("thread_pool_factory_config_file", ""),
    Flag("platform_config_file", ""),
    Flag("prefer_tflite_model", False),
    Flag("num_tflite_pools", 1),
    Flag("num_tflite_interpreters_per_pool", 1),
    Flag("xla_cpu_compilation_enabled", False),
    Flag("xla_gpu_compilation_enabled", False),
    Flag("use_alts_credentials", False),
    Flag("skip_initialize_tpu", False),
)
_BY_NAME = {flag.name: flag for flag in FLAGS}


@dataclass(frozen=True)
class ParsedFlags:
    """A parsed command line.

    Attributes:
        values: Flag name to value, for every flag.
        unknown: Arguments that are not flags; like TF Serving, the server reports them and continues.
        without_effect: Names of given flags that have no effect in this server.
    """

    values: dict[str, bool | int | float | str]
    unknown: list[str]
    without_effect: list[str]


def parse(arguments: list[str]) -> ParsedFlags:
    """Parses `--flag=value`; `--flag` alone sets a boolean, and a value after a space is not accepted.

    Args:
        arguments: The command line without the program's name.

    Raises:
        ValueError: A value does not have its flag's type.

    Example:

    >>> parse(["--port=9000", "--colour=red"]).unknown
    ['--colour=red']
    """
    values = {flag.name: flag.default for flag in FLAGS}
    unknown, without_effect = [], []
    for argument in arguments:
        name, equals, text = argument.removeprefix("--").partition("=")
        flag = _BY_NAME.get(name) if argument.startswith("--") else None
        if flag is None or (not equals and not isinstance(flag.default, bool)):
            unknown.append(argument)
            continue
        values[name] = _value(flag, text if equals else "true")
        if not flag.help and values[name] != flag.default:
            without_effect.append(name)
    return ParsedFlags(values, unknown, without_effect)


def _value(flag, text):
    kind = type(flag.default)
    try:
        if kind is bool:
            return {"true": True, "false": False}[text]
        return kind(text)
    except (KeyError, ValueError) as error:
        raise ValueError(f"Couldn't interpret value {text} for flag {flag.name}.") from error


def usage(program: str) -> str:
    """Returns the help text in the format of TensorFlow's flags."""
    lines = [f"usage: {program}", "Flags:"]
    for flag in FLAGS:
        default = str(flag.default).lower() if isinstance(flag.default, bool) else repr(flag.default)
        kind = {bool: "bool", int: "int32", float: "float", str: "string"}[type(flag.default)]
        lines.append(
            f"\t--{flag.name}={default}\t{kind}\t{flag.help or 'accepted, without effect in this server'}"
        )
    return "\n".join(lines) + "\n"
