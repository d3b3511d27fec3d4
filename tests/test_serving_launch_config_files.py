from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.launch import config_files
from serving.wire import messages, text_proto
from serving.wire.server_defaults import MAX_BATCH_SIZE
from serving.wire.status import InvalidArgument, NotFound


@pytest.fixture
def models_dir(tmp_path):
    directory = tmp_path / "models"
    for version in ("dcgan/1", "dcgan/3", "dcgan/.building-4", "dcgan/007", "srcnn_x3/12"):
        (directory / version).mkdir(parents=True)
        (directory / version / "saved_model.pb").touch()
    (directory / "dcgan" / "9").mkdir()
    (directory / "empty").mkdir()
    (directory / "README").write_text("no model")
    return directory


def test_models_are_directories_with_a_version(models_dir):
    assert config_files.find_models(models_dir) == {"dcgan": [1, 3], "srcnn_x3": [12]}


def test_written_files_are_what_tensorflow_serving_reads(models_dir, tmp_path):
    paths = config_files.write_config_files(models_dir, tmp_path / "config")
    assert sorted(path.name for path in paths) == ["batching.config", "models.config", "monitoring.config"]
    assert sorted(tmp_path.joinpath("config").iterdir()) == sorted(paths)
    config = text_proto.read_text_proto(str(paths[0]), model_server_config_pb2.ModelServerConfig)
    dcgan, srcnn = config.model_config_list.config
    assert (dcgan.name, dcgan.model_platform) == ("dcgan", "tensorflow")
    assert dcgan.base_path == str(models_dir / "dcgan")
    assert Path(dcgan.base_path).is_absolute()
    assert dcgan.model_version_policy.latest.num_versions == 1
    assert dict(dcgan.version_labels) == {"stable": 3, "canary": 3}
    assert dict(srcnn.version_labels) == {"stable": 12, "canary": 12}
    batching = text_proto.read_text_proto(str(paths[1]), messages.BatchingParameters)
    assert batching.max_batch_size.value == MAX_BATCH_SIZE
    assert "max_batch_size {\n  value: 32\n}" in paths[1].read_text()
    assert 'path: "/monitoring/prometheus/metrics"' in paths[2].read_text()


def test_directories_without_models_say_what_they_hold(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must exist\. Received: models_dir=.*zoo export"):
        config_files.find_models(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match=r"which holds nothing\. Export"):
        config_files.find_models(tmp_path)
    (tmp_path / "dcgan").mkdir()
    with pytest.raises(FileNotFoundError, match=r"which holds dcgan\. Export"):
        config_files.find_models(tmp_path)


def test_labels_need_a_flag_and_batching_its_file():
    arguments = config_files.server_arguments(Path("/config"), 8500, 8501)
    assert "--model_config_file=/config/models.config" in arguments
    assert "--allow_version_labels_for_unavailable_models=true" in arguments
    assert "--grpc_max_threads=64" in arguments
    assert arguments.index("--enable_batching=true") < arguments.index(
        "--batching_parameters_file=/config/batching.config"
    )


@pytest.mark.parametrize("content", [b"model_config_list { nonsense: 1 }", b"{", b"\xff\xfe"])
def test_a_file_that_does_not_parse_is_named(tmp_path, content, capsys):
    path = tmp_path / "models.config"
    path.write_bytes(content)
    with pytest.raises(InvalidArgument) as raised:
        text_proto.read_text_proto(str(path), model_server_config_pb2.ModelServerConfig)
    assert raised.value.message == f"Invalid protobuf file: '{path}'"
    assert "Error parsing text-format tensorflow.serving.ModelServerConfig" in capsys.readouterr().err


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFound, match="No such file or directory"):
        text_proto.read_text_proto(str(tmp_path / "no"), messages.MonitoringConfig)


def test_monitoring_and_batching_accept_what_upstream_documents():
    text_format.Parse("prometheus_config { enable: true path: '/m' }", messages.MonitoringConfig())
    text_format.Parse(
        "max_batch_size { value: 8 } allowed_batch_sizes: 4 allowed_batch_sizes: 8 "
        "pad_variable_length_inputs: true num_batch_threads { value: 2 }",
        messages.BatchingParameters(),
    )


def test_what_looks_like_a_model_and_is_not_served_is_told(tmp_path):
    for place in ("shoes/1", "shoes/v2", "bags", "hats/1", ".hidden/v1", "notes"):
        (tmp_path / place).mkdir(parents=True)
        if place not in ("hats/1", "notes"):
            (tmp_path / place / "saved_model.pb").write_bytes(b"")
    assert config_files.find_passed_over(tmp_path) == {
        "bags": "saved_model.pb must lie in a version's directory, bags/1",
        "hats/1": "it holds no saved_model.pb",
        "shoes/v2": "versions are named by numbers alone",
    }
