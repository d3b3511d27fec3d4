"""What a server, its clients and its deployment agree on stands once, and everybody reads it there."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
import tensorflow as tf

from export.versions import manifest
from serving import compare_command, serve_command
from serving.bench.batching_setting import default_settings
from serving.client.base import Client
from serving.deploy.deployment import Deployment
from serving.launch.config_files import batching_config, monitoring_config
from serving.model_server.flags import FLAGS
from serving.wire import server_defaults
from training.runs.library_versions import LIBRARIES, library_versions

REPOSITORY = Path(__file__).parent.parent
TABLE = "serving/wire/server_defaults.py"


def test_the_default_signature_is_tensorflows():
    assert server_defaults.DEFAULT_SIGNATURE == tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    assert Client.predict.__defaults__[0] == server_defaults.DEFAULT_SIGNATURE


def test_the_flags_of_the_server_have_the_limits_of_the_table():
    defaults = {flag.name: flag.default for flag in FLAGS}
    expected = {
        "port": server_defaults.GRPC_PORT,
        "max_request_bytes": server_defaults.MAX_REQUEST_BYTES,
        "max_request_rows": server_defaults.MAX_REQUEST_ROWS,
        "max_header_bytes": server_defaults.MAX_HEADER_BYTES,
        "max_connections": server_defaults.MAX_CONNECTIONS,
    }
    assert expected.items() <= defaults.items()


def test_a_deployment_has_its_ports_and_lets_through_what_the_server_takes(tmp_path):
    deployment = Deployment(tmp_path)
    assert (deployment.port, deployment.rest_api_port) == (8500, 8501)
    assert deployment.max_request_megabytes == server_defaults.GATEWAY_MAX_REQUEST_MEBIBYTES
    assert deployment.max_request_megabytes * 2**20 <= server_defaults.MAX_REQUEST_BYTES


def test_commands_have_its_ports():
    defaults = {parameter.name: parameter.default for parameter in serve_command.command.params}
    assert (defaults["port"], defaults["rest_api_port"]) == (8500, 8501)
    defaults = {parameter.name: parameter.default for parameter in compare_command.command.params}
    assert (defaults["server"], defaults["rest"]) == ("localhost:8500", "http://localhost:8501")


def test_written_and_tried_batching_are_of_the_table():
    config, settings = batching_config(num_cpus=3), default_settings(num_clients=8)
    assert config.max_batch_size.value == server_defaults.MAX_BATCH_SIZE
    assert config.batch_timeout_micros.value == server_defaults.BATCH_TIMEOUT_MICROS
    assert config.max_enqueued_batches.value == server_defaults.MAX_ENQUEUED_BATCHES
    tried = next(setting for setting in settings if setting.max_batch_size == config.max_batch_size.value)
    assert tried.to_proto().max_enqueued_batches.value == server_defaults.MAX_ENQUEUED_BATCHES
    assert monitoring_config().prometheus_config.path == server_defaults.METRICS_PATH


@pytest.mark.parametrize(
    "value",
    [
        server_defaults.DEFAULT_SIGNATURE,
        server_defaults.METRICS_PATH,
        server_defaults.GRPC_PORT,
        server_defaults.REST_PORT,
    ],
)
def test_no_other_file_writes_it_out(value):
    found = [
        path.relative_to(REPOSITORY).as_posix()
        for layer in ("zoo", "training", "export", "serving")
        for path in (REPOSITORY / layer).rglob("*.py")
        if str(value) in path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and type(node.value) is type(value) and node.value == value
    ]
    assert found == [TABLE]


def test_templates_of_a_deployment_have_no_numbers_of_their_own():
    templates = REPOSITORY / "serving" / "deploy" / "templates"
    written_out = re.compile(r"\b850[01]\b|monitoring/prometheus|\b(32|128)m\b")
    for path in templates.rglob("*"):
        if path.is_file():
            assert not written_out.search(path.read_text(encoding="utf-8")), path


def test_one_list_of_libraries_says_what_a_model_was_made_by(tmp_path):
    assert list(library_versions()) == list(LIBRARIES)
    assert {"product-image-zoo", "tensorflow", "keras", "numpy"} == set(LIBRARIES)
    (tmp_path / "saved_model.pb").touch()
    written = manifest.write_manifest(tmp_path, "dcgan", {"run": "r"}, {}, {})["versions"]
    assert {name: version for name, version in written.items() if name != "python"} == library_versions()
    readers = Counter(
        path.relative_to(REPOSITORY).parts[0]
        for layer in ("zoo", "training", "export", "serving")
        for path in (REPOSITORY / layer).rglob("*.py")
        if re.search(r"import library_versions|metadata\.version\(", path.read_text(encoding="utf-8"))
    )
    assert readers == {"training": 3, "export": 1, "serving": 1}
