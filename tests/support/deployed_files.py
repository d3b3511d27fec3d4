"""A deployment of two stub models, written once for the whole test run."""

import functools
import json
from pathlib import Path

import yaml
from kept_directories import make_directory

from serving.deploy.deployment import Deployment, write_deployment


def make_models(directory: Path, *names) -> Path:
    """Creates directories that look like models' directories."""
    for name in names:
        version = directory / name / "1"
        version.mkdir(parents=True)
        (version / "saved_model.pb").touch()
    return directory


@functools.cache
def deployment() -> Deployment:
    """Returns the deployment of `dcgan` and `srcnn_x2`."""
    directory = make_directory("deployed-models")
    return Deployment(make_models(directory / "models", "dcgan", "srcnn_x2"))


@functools.cache
def deployed_dir() -> Path:
    """Returns the directory of its files. Do not change it."""
    directory = deployment().models_dir.with_name("deploy")
    write_deployment(deployment(), directory)
    return directory


def read_documents(path: Path) -> list[dict]:
    """Returns the objects in a YAML or JSON file."""
    text = path.read_text(encoding="utf-8")
    return [json.loads(text)] if path.suffix == ".json" else list(yaml.safe_load_all(text))


def list_objects(directory: Path) -> list[dict]:
    """Returns every Kubernetes object below a directory, except Kustomize's own."""
    documents = [each for path in sorted(directory.rglob("*.yaml")) for each in read_documents(path)]
    return [each for each in documents if "name" in each.get("metadata", {})]


def read_objects(directory: Path) -> dict[tuple[str, str], dict]:
    """Returns the Kubernetes objects below a directory by kind and name, which must be unique."""
    objects = list_objects(directory)
    by_name = {(each["kind"], each["metadata"]["name"]): each for each in objects}
    assert len(by_name) == len(objects)
    return by_name


def panels() -> list[dict]:
    """Returns the panels of the dashboard."""
    (dashboard,) = read_documents(deployed_dir() / "grafana" / "serving.json")
    return dashboard["panels"]


def queries_of_dashboard() -> list[str]:
    """Returns the dashboard's Prometheus queries, for all models."""
    expressions = [target["expr"] for panel in panels() for target in panel["targets"]]
    return [each.replace("$__rate_interval", "1m").replace("$model", ".*") for each in expressions]
