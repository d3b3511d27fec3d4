"""A short run of the fuzzer of `benchmarks/fuzz_serving.py`, and requests of others beside hostile ones.

The server is a process of its own. It has some of its models twice: as they are, and with batching.
"""

import concurrent.futures
import os

import grpc
import numpy as np
import pytest
from exported_models import exported, random_pictures, to_png
from fuzz_good import GoodRequest, picture_good_requests, small_good_requests
from fuzz_run import Fuzzer, Sender, make_input, read_finding, save_findings
from fuzz_server import running_process
from inference_requests import FAR, classify_request
from picture_files import chunk
from serving_models import models_dir
from tensorflow_serving.apis import prediction_service_pb2_grpc

from serving.client import grpc_client
from serving.client.grpc_client import GrpcClient
from serving.model_server.core.batching import PARAMETERS_FILE

NUM_INPUTS = 600
SEED = 1
# A wait long enough for requests that are sent together to share a run.
BATCHING = (
    "max_batch_size { value: 64 } batch_timeout_micros { value: 20000 } max_enqueued_batches { value: 500 }"
)
BATCHED = "_batched"
TWICE = ("linear", "convolution", "examples", "classifier")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Directories of version 1 by model name; linked, so that a batched one may have a file more."""
    directory = tmp_path_factory.mktemp("models")
    versions = {path.name: sorted(path.iterdir())[-1] for path in models_dir().iterdir()}
    versions["classifier"] = exported("classifier").directory
    for name, version in versions.items():
        for suffix in ("", BATCHED) if name in TWICE else ("",):
            linked = directory / f"{name}{suffix}" / "1"
            linked.mkdir(parents=True)
            for file in version.iterdir():
                (linked / file.name).symlink_to(file)
        if name in TWICE:
            (linked / PARAMETERS_FILE).write_text(BATCHING)
    return directory


@pytest.fixture(scope="module")
def server(models, tmp_path_factory):
    flags = ("--enable_batching", "--enable_per_model_batching_parameters")
    with running_process(models, tmp_path_factory.mktemp("server"), *flags) as server:
        yield server


def test_hostile_inputs_neither_end_the_server_nor_fail_good_requests(server, models, tmp_path):
    good = [
        request
        for suffix in ("", BATCHED)
        for request in (
            *small_good_requests(server, suffix),
            *picture_good_requests(server, {"classifier": f"classifier{suffix}"}),
        )
    ]
    targets = server.targets(sorted(os.listdir(models)))
    report = Fuzzer(server, targets, good, SEED).run(NUM_INPUTS)
    files = save_findings(report, tmp_path)
    assert not report.findings, f"{report.findings}; kept in {files}"
    assert report.num_good == NUM_INPUTS // 50
    assert sum(report.counts.values()) == NUM_INPUTS
    # All of it would be in vain if nothing came through to the models.
    assert report.counts["gRPC", "OK"] > 10
    assert report.counts["REST", "200"] > 10
    # What kernels and allocators keep is reached by the first fifth; `benchmarks/` measures for longer.
    assert report.resident_bytes[-1] < 2 * report.resident_bytes[2]


def test_inputs_depend_on_seed_and_number_alone_and_can_be_replayed(server, tmp_path):
    targets = server.targets(["linear", "examples"])
    inputs = [make_input(SEED, number, targets) for number in range(50)]
    assert inputs == [make_input(SEED, number, targets) for number in range(50)]
    assert inputs != [make_input(SEED + 1, number, targets) for number in range(50)]
    report = Fuzzer(server, targets, (), SEED).report
    report.findings += [(number, sent, "wrong") for number, sent in enumerate(inputs)]
    assert [read_finding(file) for file in save_findings(report, tmp_path)] == inputs
    sender = Sender(server)
    assert sender.send(inputs[0]) == sender.send(read_finding(tmp_path / "input-0.json"))
    sender.close()


def test_a_picture_that_only_the_decoder_refuses_fails_no_picture_of_others(server):
    """Its header is whole, its pixels are not packed: the run that it is in fails."""
    whole = to_png(random_pictures(1, 28, 28, 1)[0])
    start, end = whole.index(b"IDAT") - 4, whole.index(b"IEND") - 4
    broken = whole[:start] + chunk(b"IDAT", b"\x78\x9c" + bytes(200)) + whole[end:]
    request = GoodRequest(server, f"classifier{BATCHED}", {"image_bytes": [whole]})

    def ask(number):
        if number % 4:
            return request.complaint("gRPC")
        with (
            GrpcClient(f"localhost:{server.port}") as client,
            pytest.raises(Exception, match="PNG") as raised,
        ):
            client.predict(f"classifier{BATCHED}", {"image_bytes": [broken]})
        return "" if raised.value.status == "INVALID_ARGUMENT" else str(raised.value)

    assert ask_together(ask, 64) == [""] * 64


def test_an_example_without_its_feature_fails_no_example_of_others(server):
    good = classify_request(FAR, model=f"examples{BATCHED}")
    bad = classify_request({}, model=f"examples{BATCHED}")
    with grpc.insecure_channel(f"localhost:{server.port}") as channel:
        classify = prediction_service_pb2_grpc.PredictionServiceStub(channel).Classify
        alone = classify(good)

        def ask(number):
            if number % 3:
                return classify(good) == alone
            with pytest.raises(grpc.RpcError) as raised:
                classify(bad)
            return raised.value.code().name, "Feature: x" in raised.value.details()

        answers = ask_together(ask, 60)
    assert answers == [True if number % 3 else ("INVALID_ARGUMENT", True) for number in range(60)]


def test_requests_without_rows_or_numbers_or_of_other_shapes_fail_no_others(server, monkeypatch):
    monkeypatch.setattr(
        grpc_client, "check_has_rows", lambda inputs: None
    )  # other clients send such requests
    model = f"linear{BATCHED}"
    x = np.array([[1, 2, 3, 4]], np.float32)
    good = GoodRequest(server, model, {"x": x}, {"y": 2 * x})
    odd = [x[:0], x * np.nan, x[0], x[:, :3], x.astype(np.int32), x[np.newaxis], np.float32(1)]

    def ask(number):
        if number % 2:
            return good.complaint("gRPC")
        with GrpcClient(f"localhost:{server.port}") as client:
            try:
                client.predict(model, {"x": odd[number // 2 % len(odd)]})
            except Exception as error:  # noqa: BLE001 - the code is what is looked at
                return "" if error.status == "INVALID_ARGUMENT" else str(error)
        return ""

    assert ask_together(ask, 70) == [""] * 70


def ask_together(ask, count):
    """Calls `ask` with each number, sixteen at a time; returns what it returns."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return list(pool.map(ask, range(count)))
