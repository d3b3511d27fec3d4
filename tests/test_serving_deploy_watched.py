"""What watches a server that runs with the files of a deployment: Prometheus and docker's health check."""

import re
import shutil
import subprocess
import time

import httpx2
import pytest
from deployed_files import queries_of_dashboard, read_documents
from deployed_server import running_deployed_server, wait_for_port
from free_ports import free_port

from serving.client.connection import connect
from serving.wire.server_defaults import METRICS_PATH


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """The files of a server that runs and has answered over both protocols, and its deployment."""
    directory = tmp_path_factory.mktemp("watched")
    with running_deployed_server(directory) as deployment:
        for address in (f"localhost:{deployment.port}", f"http://localhost:{deployment.rest_api_port}"):
            with connect(address) as client:
                client.predict("linear", {"x": [[1.0, 2.0, 3.0, 4.0]]})
        yield directory, deployment


def test_server_has_every_metric_that_is_asked_for(watched):
    directory, deployment = watched
    address = f"http://localhost:{deployment.rest_api_port}{METRICS_PATH}"
    page = httpx2.get(address, trust_env=False).text
    paths = ("grafana/serving.json", "monitoring/alerts.yaml", "kubernetes/prometheus-adapter-values.yaml")
    text = "".join((directory / path).read_text(encoding="utf-8") for path in paths)
    asked = set(re.findall(r":tensorflow:[a-z_:]+", text))
    assert len(asked) >= 8
    assert asked <= set(re.findall(r"^:tensorflow:[a-z_:]+", page, re.MULTILINE))


def test_a_real_prometheus_answers_the_dashboard(watched, tmp_path):
    """Debian's Prometheus with the deployment's files, which only looks more often."""
    if not shutil.which("prometheus"):
        pytest.skip("prometheus is not installed")
    directory, deployment = watched
    shutil.copytree(directory / "monitoring", tmp_path / "monitoring")
    config = tmp_path / "monitoring" / "prometheus.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("15s", "1s"), encoding="utf-8")
    port = free_port()
    command = [
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
    ]  # fmt: skip
    process = subprocess.Popen(command)
    try:
        wait_for_port(port, process)
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False) as client:
            check_prometheus(client, deployment)
    finally:
        process.terminate()
        process.wait(20)


def check_prometheus(client, deployment):
    def ask(expression):
        answer = client.get("/query", params={"query": expression}).json()
        assert answer["status"] == "success", answer
        return answer["data"]["result"]

    end = time.monotonic() + 30
    # A rate needs two looks.
    while not ask("rate(:tensorflow:serving:request_count[1m])"):
        assert time.monotonic() < end
        time.sleep(0.2)
    (up,) = ask('up{job="serving"}')
    assert up["metric"]["instance"] == f"127.0.0.1:{deployment.rest_api_port}"
    for expression in queries_of_dashboard():
        # Errors are drawn where there are any.
        assert ask(expression) or 'status!="OK"' in expression, expression
    rules = client.get("/rules").json()["data"]["groups"][0]["rules"]
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
    assert len(rules) == 6


def test_health_check_of_compose_tells_a_server_that_answers(watched):
    directory, _ = watched
    (compose,) = read_documents(directory / "compose" / "docker-compose.yaml")
    kind, *command = compose["services"]["serving"]["healthcheck"]["test"]
    assert kind == "CMD"

    def check(change):
        words = [change(word) for word in command]
        return subprocess.run(words, capture_output=True, timeout=20, check=False).returncode

    assert check(lambda word: word) == 0
    assert check(lambda word: word.replace("/v1/models/", "/v1/models/no-")) != 0
    assert check(lambda word: re.sub(r"/127.0.0.1/\d+", f"/127.0.0.1/{free_port()}", word)) != 0
