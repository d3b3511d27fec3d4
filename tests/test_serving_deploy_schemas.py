"""Every file of a deployment against its schema, or read by the tool that it is for."""

import os
import re
import shutil
import subprocess

import jsonschema
import kubernetes_validate
import pytest
import yaml
from deployed_files import deployed_dir, list_objects, read_documents

# The oldest one that is still looked after, and the newest one that there are schemas of.
KUBERNETES_VERSIONS = ("1.30", kubernetes_validate.latest_version())
_HASH = re.compile(r"-[a-z0-9]{10}$")  # that Kustomize gives ConfigMaps
TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT, "minItems": 1}
LABELS = {"type": "object", "additionalProperties": {"type": "string"}}


def fields(required=(), **properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


METADATA = fields(["name"], name=TEXT, namespace=TEXT, labels=LABELS, annotations=LABELS)
# Kinds that are not Kubernetes' own: the fields that are used here, as their projects document them.
GENERATOR = fields(
    ["name", "files"],
    name=TEXT,
    files=TEXTS,
    options=fields(disableNameSuffixHash={"type": "boolean"}, labels=LABELS),
)
PATCH = fields(path=TEXT, patch=TEXT, target=fields(["kind"], kind=TEXT, name=TEXT))
KUSTOMIZATION = fields(
    ["apiVersion", "kind"],
    apiVersion={"enum": ["kustomize.config.k8s.io/v1beta1", "kustomize.config.k8s.io/v1alpha1"]},
    kind={"enum": ["Kustomization", "Component"]},
    namespace=TEXT,
    resources=TEXTS,
    components=TEXTS,
    configurations=TEXTS,
    patches={"type": "array", "items": PATCH},
    configMapGenerator={"type": "array", "items": GENERATOR},
    labels={"type": "array", "items": fields(["pairs"], pairs=LABELS)},
)
RULE = {
    "type": "object",
    "required": ["alert", "expr", "for", "labels", "annotations"],
    "properties": {
        "labels": fields(["severity"], severity={"enum": ["critical", "warning"]}),
        "annotations": fields(["summary", "description"], summary=TEXT, description=TEXT),
    },
}
ENDPOINT = fields(["port", "path"], port=TEXT, path=TEXT, interval=TEXT)
SELECTOR = fields(matchLabels=LABELS)
CUSTOM_SPECS = {
    ("monitoring.coreos.com/v1", "PodMonitor"): fields(
        ["selector", "podMetricsEndpoints"],
        jobLabel=TEXT,
        selector=SELECTOR,
        podMetricsEndpoints={"type": "array", "items": ENDPOINT, "minItems": 1},
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): fields(
        ["groups"],
        groups={
            "type": "array",
            "items": fields(["name"], name=TEXT, rules={"type": "array", "items": RULE}),
        },
    ),
    ("serving.kserve.io/v1beta1", "InferenceService"): fields(
        ["predictor"],
        predictor=fields(
            ["model"],
            minReplicas={"type": "integer"},
            maxReplicas={"type": "integer"},
            # The rest of it is checked as a container.
            model={"type": "object", "required": ["modelFormat", "storageUri"]},
            volumes={"type": "array"},
        ),
    ),
}
MODEL_FIELDS = fields(
    modelFormat=fields(["name"], name={"const": "tensorflow"}, version={"enum": ["1", "2"]}),
    runtime=TEXT,
    protocolVersion={"enum": ["v1", "grpc-v1"]},
    storageUri={"type": "string", "pattern": "^pvc://[a-z-]+/[A-Za-z0-9_.-]+$"},
)


def check_object(document):
    """Checks an object of Kubernetes, built in or not."""
    spec = CUSTOM_SPECS.get((document["apiVersion"], document["kind"]))
    if spec is None:
        for version in KUBERNETES_VERSIONS:
            kubernetes_validate.validate(document, version, strict=True)
        return
    whole = fields(["metadata", "spec"], apiVersion=TEXT, kind=TEXT, metadata=METADATA, spec=spec)
    jsonschema.validate(document, whole)
    if document["kind"] == "InferenceService":
        check_predictor(document["spec"]["predictor"])


def check_predictor(predictor):
    """A predictor is a pod, and its model is a container with a few fields more."""
    model = {name: predictor["model"][name] for name in MODEL_FIELDS["properties"]}
    jsonschema.validate(model, MODEL_FIELDS)
    container = {name: value for name, value in predictor["model"].items() if name not in model}
    spec = {"containers": [{"name": "kserve-container", **container}], "volumes": predictor["volumes"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "predictor"}, "spec": spec}
    check_object(pod)


def test_objects_are_what_kubernetes_kserve_and_the_operator_read():
    directories = (deployed_dir() / "kubernetes", deployed_dir() / "kserve")
    objects = [document for directory in directories for document in list_objects(directory)]
    assert {document["kind"] for document in objects} == {
        "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy",
        "Namespace", "PersistentVolumeClaim", "Pod", "PodMonitor", "PrometheusRule", "InferenceService",
    }  # fmt: skip
    for document in objects:
        # A patch is only a part of an object; what it makes is checked below.
        if "initContainers" not in str(document):
            check_object(document)


def test_kustomizations_name_files_that_are_there():
    paths = sorted(deployed_dir().rglob("kustomization.yaml"))
    assert len(paths) == 8
    for path in paths:
        (document,) = read_documents(path)
        jsonschema.validate(document, KUSTOMIZATION)
        named = [name for key in ("resources", "configurations") for name in document.get(key, [])]
        named += [name for each in document.get("configMapGenerator", []) for name in each["files"]]
        named += [each["path"] for each in document.get("patches", []) if "path" in each]
        for name in named:
            assert (path.parent / name).exists(), f"{path}: {name}"


def build(directory):
    """Returns what Kustomize makes of a directory."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed; it has Kustomize in it")
    done = subprocess.run(
        ["kubectl", "kustomize", str(directory)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    documents = list(yaml.safe_load_all(done.stdout))
    for document in documents:
        check_object(document)
    return {(each["kind"], _HASH.sub("", each["metadata"]["name"])): each for each in documents}


def volumes_of(document):
    return {volume["name"]: volume for volume in document["spec"]["template"]["spec"]["volumes"]}


def test_overlay_takes_the_same_configuration_files():
    objects = build(deployed_dir() / "kubernetes" / "overlays" / "production")
    config = objects["ConfigMap", "serving-config"]
    for name, text in config["data"].items():
        assert text == (deployed_dir() / "config" / name).read_text(encoding="utf-8")
    assert sorted(config["data"]) == ["batching.config", "models.config", "monitoring.config"]
    # The hash in its name makes changed files roll out.
    assert config["metadata"]["name"] != "serving-config"
    mounted = volumes_of(objects["Deployment", "serving"])["config"]
    assert mounted["configMap"]["name"] == config["metadata"]["name"]
    assert objects["Service", "gateway"]["spec"]["type"] == "LoadBalancer"
    assert {each["metadata"].get("namespace", "product-image-zoo") for each in objects.values()} == {
        "product-image-zoo"
    }


def test_components_change_where_models_come_from_and_who_watches(tmp_path):
    directory = tmp_path / "deploy"
    shutil.copytree(deployed_dir(), directory)
    overlay = directory / "kubernetes" / "overlays" / "own"
    overlay.mkdir()
    names = ["models-from-image", "prometheus-operator"]
    text = {"resources": ["../../base"], "components": [f"../../components/{name}" for name in names]}
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    objects = build(overlay)
    assert ("PersistentVolumeClaim", "models") not in objects
    serving = objects["Deployment", "serving"]
    assert volumes_of(serving)["models"] == {"name": "models", "emptyDir": {}}
    (copying,) = serving["spec"]["template"]["spec"]["initContainers"]
    assert copying["command"][-1] == "/models"
    assert {("PodMonitor", "serving"), ("PrometheusRule", "serving")} <= set(objects)
    assert objects["ConfigMap", "serving-dashboard"]["metadata"]["labels"] == {"grafana_dashboard": "1"}


def test_kserve_gets_the_same_configuration_files():
    objects = build(deployed_dir() / "kserve")
    (volume,) = objects["InferenceService", "dcgan"]["spec"]["predictor"]["volumes"]
    assert volume["configMap"]["name"] == objects["ConfigMap", "serving-config"]["metadata"]["name"]


def test_docker_compose_reads_its_file_and_says_what_it_needs():
    if not shutil.which("docker-compose"):
        pytest.skip("docker-compose is not installed")
    command = ["docker-compose", "--file", str(deployed_dir() / "compose" / "docker-compose.yaml"), "config"]
    given = {"SECRETS_DIR": "/secrets", "GRAFANA_PASSWORD": "a password"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | given)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert services["serving"]["init"] is True
    assert services["gateway"]["depends_on"] == {"serving": {"condition": "service_healthy"}}
    assert "/secrets/gateway" in [volume["source"] for volume in services["gateway"]["volumes"]]
    missing = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"GRAFANA_PASSWORD": "x"}
    )
    assert missing.returncode != 0
    assert "the directory that secrets.sh has filled" in missing.stderr
