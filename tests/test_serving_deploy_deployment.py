"""What the files of a deployment agree on."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from deployed_files import deployed_dir, deployment, list_objects, make_models, read_documents, read_objects

from serving.deploy import deployment as deployments
from serving.deploy.deployment import TEMPLATES, Deployment, kubernetes_names, write_deployment
from serving.launch.engine import DOCKER_IMAGE
from serving.model_server import flags as server_flags
from serving.wire.messages import BatchingParameters, ModelServerConfig
from serving.wire.server_defaults import METRICS_PATH
from serving.wire.text_proto import read_text_proto

REPOSITORY = Path(__file__).parent.parent


def compose_services():
    (compose,) = read_documents(deployed_dir() / "compose" / "docker-compose.yaml")
    return compose["services"]


def files_below(directory):
    return sorted(path.relative_to(directory) for path in directory.rglob("*") if path.is_file())


def serving_pod():
    return read_objects(deployed_dir() / "kubernetes" / "base")["Deployment", "serving"]["spec"]["template"]


def kserve_model(name):
    return read_objects(deployed_dir() / "kserve")["InferenceService", name]["spec"]["predictor"]["model"]


def test_server_gets_the_same_flags_everywhere_and_knows_them():
    (container,) = serving_pod()["spec"]["containers"]
    given = compose_services()["serving"]["command"]
    assert given == container["args"] == deployment().server_arguments()
    for_kserve = kserve_model("srcnn-x2")["args"]
    assert set(for_kserve) < set(given)
    for arguments in (given, for_kserve):
        parsed = server_flags.parse(arguments)
        assert parsed.unknown == []
        assert not parsed.values["enable_profiler"]
        assert parsed.values["batching_parameters_file"] == "/etc/serving/batching.config"
    assert server_flags.parse(given).values["allow_version_labels_for_unavailable_models"]
    # What KServe's runtime says itself.
    own = server_flags.parse([])
    for name in ("port", "rest_api_port", "model_name", "model_base_path", "model_config_file"):
        assert server_flags.parse(for_kserve).values[name] == own.values[name]


def test_image_is_that_of_the_docker_engine():
    (container,) = serving_pod()["spec"]["containers"]
    assert container["image"] == compose_services()["serving"]["image"] == DOCKER_IMAGE
    assert container["command"] == compose_services()["serving"]["entrypoint"] == ["tensorflow_model_server"]


def test_models_and_files_are_mounted_read_only_where_the_server_looks():
    config = read_text_proto(str(deployed_dir() / "config" / "models.config"), ModelServerConfig)
    base_paths = [model.base_path for model in config.model_config_list.config]
    assert base_paths == ["/models/dcgan", "/models/srcnn_x2"]
    volumes = {volume["target"]: volume for volume in compose_services()["serving"]["volumes"]}
    assert volumes["/models"]["source"] == str(deployment().models_dir)
    compose_dir = deployed_dir() / "compose"
    assert (compose_dir / volumes["/etc/serving"]["source"]).resolve() == deployed_dir() / "config"
    assert all(volume["read_only"] for volume in volumes.values())
    (container,) = serving_pod()["spec"]["containers"]
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert set(mounts) == {"/models", "/etc/serving", "/tmp"}
    assert mounts["/models"]["readOnly"]
    assert mounts["/etc/serving"]["readOnly"]
    claim = {volume["name"]: volume for volume in serving_pod()["spec"]["volumes"]}["models"]
    assert ("PersistentVolumeClaim", claim["persistentVolumeClaim"]["claimName"]) in read_objects(
        deployed_dir() / "kubernetes" / "base"
    )
    assert kserve_model("srcnn-x2")["storageUri"] == "pvc://models/srcnn_x2"


def test_threads_go_with_the_cpus_of_the_server_not_of_this_machine(tmp_path):
    write_deployment(Deployment(deployment().models_dir, num_cpus=7), tmp_path)
    batching = read_text_proto(str(tmp_path / "config" / "batching.config"), BatchingParameters)
    assert batching.num_batch_threads.value == 7
    serving = read_objects(tmp_path / "kubernetes" / "base")["Deployment", "serving"]
    (container,) = serving["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["cpu"] == "7"
    assert "--tensorflow_intra_op_parallelism=7" in container["args"]


def test_ports_are_said_once(tmp_path):
    write_deployment(Deployment(deployment().models_dir, 7001, 7002, 7003), tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert not re.search(r"\b(8500|8501|8443)\b", path.read_text(encoding="utf-8")), path
    objects = read_objects(tmp_path / "kubernetes" / "base")
    assert [port["port"] for port in objects["Service", "serving"]["spec"]["ports"]] == [7001, 7002]
    (prometheus,) = read_documents(tmp_path / "monitoring" / "prometheus.yaml")
    (scraping,) = prometheus["scrape_configs"]
    assert scraping["static_configs"] == [{"targets": ["serving:7002"]}]
    gateway = (tmp_path / "gateway" / "nginx.conf").read_text(encoding="utf-8")
    assert re.findall(r"server serving:(\d+)|listen (\d+)", gateway) == [
        ("7001", ""), ("7002", ""), ("", "7003")
    ]  # fmt: skip


def test_only_gateway_and_prometheus_reach_the_server():
    policy = read_objects(deployed_dir() / "kubernetes" / "base")["NetworkPolicy", "serving"]["spec"]
    gateway, prometheus = policy["ingress"]
    labels = serving_pod()["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    (peer,) = gateway["from"]
    assert peer == {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "gateway"}}}
    assert [port["port"] for port in gateway["ports"]] == [8500, 8501]
    (peer,) = prometheus["from"]
    # Both selectors in one entry: that namespace and that pod, not either.
    assert set(peer) == {"namespaceSelector", "podSelector"}
    assert [port["port"] for port in prometheus["ports"]] == [8501]
    assert policy["egress"] == []
    services = compose_services()
    assert "ports" not in services["serving"]
    assert services["serving"]["networks"] == ["serving"]
    assert [name for name in services if "serving" in services[name]["networks"]] == [
        "serving", "gateway", "prometheus"
    ]  # fmt: skip


def test_containers_have_no_more_rights_than_they_need():
    objects = list_objects(deployed_dir() / "kubernetes")
    pods = [each["spec"]["template"]["spec"] for each in objects if each["kind"] == "Deployment"]
    pods += [each["spec"] for each in objects if each["kind"] == "Pod"]
    assert len(pods) == 4
    for pod in pods:
        for container in pod.get("containers", []) + pod.get("initContainers", []):
            rights = container["securityContext"]
            assert rights["allowPrivilegeEscalation"] is False, container["name"]
            assert rights["readOnlyRootFilesystem"] is True
            assert rights["capabilities"] == {"drop": ["ALL"]}
            assert {"cpu", "memory"} <= set(container["resources"]["limits"])
    assert serving_pod()["spec"]["securityContext"]["runAsUser"] == 1000
    assert serving_pod()["spec"]["securityContext"]["runAsNonRoot"] is True
    for name, service in compose_services().items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"]
    for name in ("serving", "gateway"):
        assert compose_services()[name]["read_only"] is True
        assert not compose_services()[name]["user"].startswith("0")


def test_every_image_is_pinned():
    objects = list_objects(deployed_dir() / "kubernetes")
    images = re.findall(r"'image': '([^']+)'", f"{objects} {compose_services()}")
    assert len(images) == 8
    for image in images:
        assert re.search(r":v?\d", image), image


def test_pods_end_before_kubernetes_kills_them():
    pod = serving_pod()["spec"]
    (container,) = pod["containers"]
    command_, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
    assert command_ == "sleep"
    assert int(seconds) < pod["terminationGracePeriodSeconds"] <= 30
    assert pod["shareProcessNamespace"] is True


def test_autoscaler_and_adapter_name_the_same_metrics():
    (values,) = read_documents(deployed_dir() / "kubernetes" / "prometheus-adapter-values.yaml")
    offered = [rule["name"]["as"] for rule in values["rules"]["custom"]]
    scaler = read_objects(deployed_dir() / "kubernetes" / "base")["HorizontalPodAutoscaler", "serving"][
        "spec"
    ]
    asked = [metric["pods"]["metric"]["name"] for metric in scaler["metrics"] if metric["type"] == "Pods"]
    assert asked == offered
    assert scaler["scaleTargetRef"]["name"] == "serving"


def test_the_operators_rules_and_paths_are_prometheus_own():
    objects = read_objects(deployed_dir() / "kubernetes" / "components")
    (alerts,) = read_documents(deployed_dir() / "monitoring" / "alerts.yaml")
    assert objects["PrometheusRule", "serving"]["spec"] == alerts
    (endpoint,) = objects["PodMonitor", "serving"]["spec"]["podMetricsEndpoints"]
    (prometheus,) = read_documents(deployed_dir() / "monitoring" / "prometheus.yaml")
    annotations = serving_pod()["metadata"]["annotations"]
    kserve = read_objects(deployed_dir() / "kserve")["InferenceService", "dcgan"]["metadata"]["annotations"]
    assert endpoint["path"] == prometheus["scrape_configs"][0]["metrics_path"] == METRICS_PATH
    assert annotations["prometheus.io/path"] == kserve["prometheus.kserve.io/path"] == METRICS_PATH


def test_models_directories_may_have_any_path(tmp_path):
    models = make_models(tmp_path / 'my $models: "new" #1', "dcgan")
    write_deployment(Deployment(models), tmp_path / "deploy")
    (compose,) = read_documents(tmp_path / "deploy" / "compose" / "docker-compose.yaml")
    source = compose["services"]["serving"]["volumes"][0]["source"]
    # Two dollars are one for docker compose.
    assert source == str(models).replace("$", "$$")


def test_written_again_it_follows_the_models_and_leaves_what_is_not_its_own(tmp_path):
    models = make_models(tmp_path / "models", "dcgan")
    write_deployment(Deployment(models), tmp_path / "deploy")
    override = tmp_path / "deploy" / "compose" / "docker-compose.override.yaml"
    override.write_text("services: {}\n")
    make_models(models, "classifier")
    write_deployment(Deployment(models), tmp_path / "deploy")
    assert override.read_text() == "services: {}\n"
    (kserve,) = read_documents(tmp_path / "deploy" / "kserve" / "kustomization.yaml")
    assert kserve["resources"] == ["../config", "classifier.yaml", "dcgan.yaml"]
    config = (tmp_path / "deploy" / "config" / "models.config").read_text()
    assert '"/models/classifier"' in config


def test_script_publishes_versions_whole_and_once(tmp_path, monkeypatch):
    models = make_models(tmp_path / "my models", "dcgan", "srcnn_x2")
    (models / "dcgan" / ".building-2").mkdir()
    volume = tmp_path / "volume"
    monkeypatch.setattr(deployments, "MODELS_MOUNT", volume)
    write_deployment(Deployment(models), tmp_path / "deploy")
    # Runs here what is meant for the pod, and notes it.
    tool = tmp_path / "bin" / "kubectl"
    tool.parent.mkdir()
    tool.write_text(
        '#!/bin/bash\necho "$*" >> "$NOTES"\n[ "$1" = exec ] || exit 0\n'
        'while [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n'
    )
    tool.chmod(0o755)
    script = ["sh", str(tmp_path / "deploy" / "kubernetes" / "publish-models.sh")]
    notes = tmp_path / "notes"
    environment = {"PATH": f"{tool.parent}:{os.environ['PATH']}", "NOTES": str(notes)}

    def publish():
        done = subprocess.run(script, check=True, capture_output=True, text=True, env=environment)
        return done.stdout.splitlines()

    assert publish() == ["dcgan version 1 published", "srcnn_x2 version 1 published"]
    assert (volume / "srcnn_x2" / "1" / "saved_model.pb").exists()
    lines = notes.read_text().splitlines()
    # Nothing is copied into a directory that the server looks at.
    assert all("/.incoming/" in line for line in lines if " tar " in line)
    assert lines[-1].startswith("delete pod models-writer")
    (models / "dcgan" / "2").mkdir()
    (models / "dcgan" / "2" / "saved_model.pb").touch()
    assert "dcgan version 2 published" in publish()
    assert sorted(path.name for path in (volume / "dcgan").iterdir()) == ["1", "2"]


def test_names_that_kubernetes_does_not_have():
    assert kubernetes_names(["srcnn_x2", "Shoes.v1"]) == {"srcnn_x2": "srcnn-x2", "Shoes.v1": "shoes-v1"}
    for names in (["a_b", "a-b"], ["1st"], ["dcgan_"], ["größe"], ["x" * 64]):
        with pytest.raises(ValueError, match=f"Received: model_name={names[-1]!r}. Export it again"):
            kubernetes_names(names)


def test_a_deployment_needs_rest():
    with pytest.raises(ValueError, match="needs REST, because probes .* Received: rest_api_port=0"):
        Deployment(Path("/models"), rest_api_port=0)


def test_templates_are_installed_with_the_code(tmp_path):
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(REPOSITORY / name, tmp_path)
    shutil.copytree(REPOSITORY / "serving", tmp_path / "serving")
    (tmp_path / "zoo").mkdir()
    shutil.copy(REPOSITORY / "zoo" / "__init__.py", tmp_path / "zoo")  # has the version
    command_ = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path / "built")]
    subprocess.run(command_, cwd=tmp_path, check=True, capture_output=True)
    assert files_below(tmp_path / "built" / "serving" / "deploy" / "templates") == files_below(TEMPLATES)
