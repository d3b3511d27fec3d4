"""The example deployments for clusters: the processes they start, checked without a cluster."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from training.distribution.cluster import read_cluster

DEPLOY = Path(__file__).parents[1] / "training" / "distribution" / "deploy"


@pytest.fixture
def run_shell(tmp_path):
    """Runs a script with a `zoo` that notes how it was called, and with what Slurm would bring."""
    commands = {
        "zoo": 'printf "%s\\n" "$TF_CONFIG" > tf_config.json; printf "%s\\n" "$@" > words',
        "scontrol": 'test "$*" = "show hostnames node[1-2]" && printf "node1\\nnode2\\n"',
        "srun": 'test "$1" = --kill-on-bad-exit=1 && shift && exec "$@"',
    }
    (tmp_path / "bin").mkdir()
    for name, text in commands.items():
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    def run(command, **environment):
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        subprocess.run(command, cwd=tmp_path, check=True, env={"PATH": path, **environment})
        words = (tmp_path / "words").read_text(encoding="utf-8").splitlines()
        return read_cluster({"TF_CONFIG": (tmp_path / "tf_config.json").read_text(encoding="utf-8")}), words

    return run


def check_words(run_shell, tmp_path, command, **environment):
    run = tmp_path / "runs" / "gan"
    cluster, words = run_shell(command, RUN=str(run), **environment)
    assert words[:2] == ["train", "dcgan"]
    assert words[-6:] == [
        "--runs-dir", str(run.parent), "--run-name", "gan", "--distribute", "multi_worker"
    ]  # fmt: skip
    run.mkdir(parents=True)
    (run / "config.json").touch()
    cluster_again, words = run_shell(command, RUN=str(run), **environment)
    assert words == ["train", "--distribute", "multi_worker", "--resume", str(run)]
    assert cluster_again == cluster
    return cluster


def test_kubernetes_starts_indexed_workers_that_resume(run_shell, tmp_path):
    service, claim, job = yaml.safe_load_all((DEPLOY / "kubernetes-job.yaml").read_text(encoding="utf-8"))
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    given = {entry["name"]: entry["value"] for entry in container["env"]}
    count = job["spec"]["completions"]
    assert count == job["spec"]["parallelism"] == int(given["NUM_WORKERS"])
    assert service["metadata"]["name"] == pod["subdomain"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    cluster = check_words(
        run_shell, tmp_path, container["command"], NUM_WORKERS=str(count), JOB_COMPLETION_INDEX="1"
    )
    # As Kubernetes names the pods of an indexed job in a subdomain.
    port = service["spec"]["ports"][0]["port"]
    assert cluster.addresses == tuple(f"zoo-train-{index}.zoo-train:{port}" for index in range(count))
    assert cluster.index == 1


def test_slurm_starts_a_worker_a_machine_that_resumes(run_shell, tmp_path):
    cluster = check_words(
        run_shell,
        tmp_path,
        ["bash", str(DEPLOY / "slurm.sh")],
        SLURM_JOB_NODELIST="node[1-2]",
        SLURM_PROCID="1",
    )
    assert cluster.addresses == ("node1:2222", "node2:2222")
    assert cluster.index == 1
