import httpx2
import numpy as np
import pytest
from serving_models import running_server

from serving.client.errors import PredictionError
from serving.client.grpc_client import GrpcClient
from serving.model_server.core.metrics import MAX_SERIES, Counter, Histogram, exponential_buckets

PATH = "/monitoring/prometheus/metrics"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("metrics")
    monitoring = directory / "monitoring.config"
    monitoring.write_text("prometheus_config { enable: true }")
    with running_server(directory, monitoring_config_file=str(monitoring), enable_batching=True) as server:
        yield server


@pytest.fixture(scope="module")
def page(server):
    grpc_port, rest_port = server.flags["port"], server.flags["rest_api_port"]
    with GrpcClient(f"localhost:{grpc_port}") as client:
        client.predict("linear", {"x": np.ones((3, 4), np.float32)})
        with pytest.raises(PredictionError):
            client.predict("linear", {"x": np.ones((3, 5), np.float32)})
    rest = f"http://localhost:{rest_port}/v1/models/"
    httpx2.post(f"{rest}linear:predict", content='{"instances": [[1, 1, 1, 1]]}')
    httpx2.get(f"{rest}linear/metadata")
    httpx2.get(f"{rest}nobody")
    response = httpx2.get(f"http://localhost:{rest_port}{PATH}")
    assert response.headers["content-type"] == "text/plain"
    return response.text


@pytest.mark.parametrize(
    "line",
    [
        "# TYPE :tensorflow:serving:request_count counter",
        ':tensorflow:serving:request_count{model_name="linear",status="OK"} 3',
        ':tensorflow:serving:request_count{model_name="linear",status="INVALID_ARGUMENT"} 1',
        ':tensorflow:serving:request_count{model_name="(unknown)",status="NOT_FOUND"} 1',
        "# TYPE :tensorflow:serving:request_latency histogram",
        ':tensorflow:serving:request_latency_count{model_name="linear",API="Predict",entrypoint="GRPC"} 1',
        ':tensorflow:serving:request_latency_count{model_name="linear",API="predict",entrypoint="REST"} 1',
        ':tensorflow:serving:request_latency_count{model_name="linear",API="",entrypoint="REST"} 1',
        ':tensorflow:serving:runtime_latency_count{model_name="linear",API="Predict",runtime="TF1"} 2',
        ":tensorflow:serving:batching_session:wrapped_run_count{} 2",
        ":tensorflow:serving:batching_session:input_batch_size_sum{} 4",
    ],
)
def test_the_page_counts_by_tf_servings_names(page, line):
    assert line in page.splitlines()


def test_a_query_is_part_of_the_pages_path(server):
    response = httpx2.get(f"http://localhost:{server.flags['rest_api_port']}{PATH}?all=1")
    assert response.status_code == 400
    assert response.text == f"Unexpected path: {PATH}?all=1. Should be {PATH}"


def test_without_monitoring_there_is_no_page(tmp_path):
    with running_server(tmp_path) as server:
        assert httpx2.get(f"http://localhost:{server.flags['rest_api_port']}{PATH}").status_code == 404


def test_buckets_are_cumulative_and_exclude_their_limit():
    histogram = Histogram("/a", "model", buckets=exponential_buckets(1, 2, 3))
    for value in (0, 1, 1.5, 100):
        histogram.add(value, "m")
    assert histogram.lines() == [
        "# TYPE :a histogram",
        ':a_bucket{model="m",le="1"} 1',
        ':a_bucket{model="m",le="2"} 3',
        ':a_bucket{model="m",le="4"} 3',
        ':a_bucket{model="m",le="+Inf"} 4',
        ':a_sum{model="m"} 102.5',
        ':a_count{model="m"} 4',
    ]


def test_latency_buckets_are_those_of_tf_serving():
    buckets = exponential_buckets(10, 1.8, 33)
    assert (len(buckets), buckets[0], round(buckets[1])) == (33, 10, 18)


def test_names_of_clients_neither_break_the_page_nor_fill_the_memory():
    counter = Counter("/a", "model")
    counter.add(1, 'x"\n\\')
    assert counter.lines()[1] == ':a{model="x\\"\\n\\\\"} 1'
    for number in range(2 * MAX_SERIES):
        counter.add(1, str(number))
    assert len(counter.lines()) == MAX_SERIES + 1
