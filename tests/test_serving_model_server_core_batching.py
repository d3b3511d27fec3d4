"""Batching by section: what shares a run, when a batch is due, and every refusal of TF Serving's."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from serving_models import models_dir

from serving.model_server.core.batching import PARAMETERS_FILE, Batching, BatchingOptions
from serving.model_server.core.metrics import Metrics
from serving.model_server.core.saved_model_session import SavedModelSession
from serving.wire import messages, status


class Runs:
    """Stands for a session: doubles what it gets, and remembers the runs."""

    def __init__(self):
        self.feeds: list[dict] = []
        self.timeouts: list[float | None] = []
        self.gate = threading.Event()
        self.gate.set()
        self.answer = lambda feeds, fetches: [2 * feeds["x"] for _ in fetches]

    def __call__(self, feeds, fetches, timeout_seconds=None):
        self.feeds.append(feeds)
        self.timeouts.append(timeout_seconds)
        self.gate.wait(10)
        return self.answer(feeds, fetches)

    def sizes(self):
        return [len(feeds["x"]) for feeds in self.feeds]


def parameters(text):
    return text_format.Parse(text, messages.BatchingParameters())


def make(text="", metrics=None, **options):
    runs = Runs()
    return runs, Batching(parameters(text), metrics=metrics, **options).runner(runs, None)


def ask_at_once(run, arrays, **arguments):
    """Runs each array in a thread of its own; returns the answers and errors in their order."""
    answers = [None] * len(arrays)

    def ask(index, array):
        try:
            answers[index] = run({"x": array}, ["y"], **arguments)[0]
        except status.ServingError as error:
            answers[index] = error

    threads = [threading.Thread(target=ask, args=pair) for pair in enumerate(arrays)]
    for thread in threads:
        thread.start()
        # So that the batches are those of the arrays' order.
        time.sleep(0.02)
    for thread in threads:
        thread.join(20)
    return answers


def rows(count, value=1.0, width=2):
    return np.full((count, width), value, np.float32)


def test_requests_share_a_run_and_get_their_own_rows():
    runs, run = make("max_batch_size { value: 6 } batch_timeout_micros { value: 10000000 }")
    answers = ask_at_once(run, [rows(1, 1.0), rows(2, 2.0), rows(3, 3.0)])
    assert runs.sizes() == [6]
    for count, answer in zip((1, 2, 3), answers, strict=True):
        np.testing.assert_array_equal(answer, rows(count, 2.0 * count))


def test_a_batch_that_is_not_full_runs_after_its_timeout():
    runs, run = make("max_batch_size { value: 100 } batch_timeout_micros { value: 200000 }")
    ask_at_once(run, [rows(1), rows(1)])
    assert runs.sizes() == [2]


def test_a_request_that_does_not_fit_begins_the_next_batch():
    runs, run = make(
        "max_batch_size { value: 4 } batch_timeout_micros { value: 100000 } num_batch_threads { value: 1 }"
    )
    ask_at_once(run, [rows(3), rows(2), rows(2)])
    assert runs.sizes() == [3, 4]


def test_rows_are_rounded_up_with_the_first_row_of_the_last_request():
    metrics = Metrics()
    runs, run = make(
        "max_batch_size { value: 8 } allowed_batch_sizes: 4 allowed_batch_sizes: 8 "
        "batch_timeout_micros { value: 100000 }",
        metrics,
    )
    last = np.array([[5, 5], [6, 6]], np.float32)
    answers = ask_at_once(run, [rows(3, 1.0), last])
    assert runs.feeds[0]["x"][:, 0].tolist() == [1, 1, 1, 5, 6, 5, 5, 5]
    np.testing.assert_array_equal(answers[1], 2 * last)
    page = metrics.page().decode()
    prefix = ":tensorflow:serving:batching_session:"
    assert f'{prefix}padding_size_sum{{execution_batch_size="8"}} 3' in page
    assert f"{prefix}processed_batch_size_sum{{}} 8" in page
    assert f"{prefix}input_batch_size_sum{{}} 5" in page
    assert f"{prefix}wrapped_run_count{{}} 1" in page
    assert f'{prefix}queuing_latency_count{{thread_pool_name="batch_threads"}} 2' in page


@pytest.mark.parametrize(
    ("feeds", "kind", "message"),
    [
        (
            {"x": rows(5)},
            status.InvalidArgument,
            "Task size 5 is larger than maximum input batch size 4",
        ),
        (
            {"x": np.float32(1)},
            status.InvalidArgument,
            "Batching Run() input tensors must have at least one dimension",
        ),
        (
            {"x": rows(1), "z": rows(2)},
            status.InvalidArgument,
            "Batching Run() input tensors must have equal 0th-dimension size",
        ),
        ({}, status.InvalidArgument, "Batching Run() must have at least one input tensor"),
    ],
)
def test_what_a_request_must_be(feeds, kind, message):
    _, run = make("max_batch_size { value: 4 }")
    with pytest.raises(kind) as raised:
        run({name: np.asarray(array) for name, array in feeds.items()}, ["y"])
    assert raised.value.message == message


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda feeds, fetches: [np.float32(1)], "Batched output tensor has 0 dimensions"),
        (
            lambda feeds, fetches: [rows(7)],
            (
                "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of "
                "the input tensors"
            ),
        ),
    ],
)
def test_what_a_model_must_answer(answer, message):
    runs, run = make()
    runs.answer = answer
    with pytest.raises(status.FailedPrecondition) as raised:
        run({"x": rows(2)}, ["y"])
    assert raised.value.message == message


def test_a_full_queue_refuses_and_says_its_size():
    runs, run = make(
        "max_batch_size { value: 1 } max_enqueued_batches { value: 2 } num_batch_threads { value: 1 }"
    )
    runs.gate.clear()
    threading.Timer(0.5, runs.gate.set).start()
    answers = ask_at_once(run, [rows(1)] * 4)
    assert isinstance(answers[3], status.Unavailable)
    assert answers[3].message == (
        "The batch scheduling queue to which this task was submitted is full; currently 2 batches enqueued "
        "and max_enqueued_batches is 2"
    )
    assert not any(isinstance(answer, Exception) for answer in answers[:3])


def test_other_sizes_fail_the_batch_unless_padding_is_on():
    text = "max_batch_size { value: 2 } batch_timeout_micros { value: 1000000 }"
    _, run = make(text)
    answers = ask_at_once(run, [rows(1, width=2), rows(1, width=3)])
    assert {answer.message for answer in answers} == {
        (
            "Tensors with name 'x' from different tasks have different shapes and padding is turned off. Set "
            "pad_variable_length_inputs to true, or ensure that all tensors with the same name have equal "
            "dimensions starting with the first dim."
        )
    }
    assert answers[0].name == "FAILED_PRECONDITION"
    assert answers[0] is not answers[1]
    _, run = make(text + " pad_variable_length_inputs: true")
    answers = ask_at_once(run, [np.array([[7, 8]], np.float32), rows(1, width=3)])
    assert answers[0].tolist() == [[14, 16, 14]]


def test_a_request_that_a_run_refuses_fails_alone_and_costs_few_runs():
    runs, run = make("max_batch_size { value: 8 } batch_timeout_micros { value: 1000000 }")

    def answer(feeds, fetches):
        if (feeds["x"] == 13).any():
            raise status.InvalidArgument("Invalid PNG data")
        return [2 * feeds["x"]]

    runs.answer = answer
    answers = ask_at_once(run, [rows(1, 13.0 if number == 5 else number) for number in range(8)])
    assert answers[5].status_text() == "INVALID_ARGUMENT: Invalid PNG data"
    for number in {*range(8)} - {5}:
        assert answers[number].tolist() == rows(1, 2 * number).tolist()
    assert runs.sizes() == [8, 4, 4, 2, 1, 1, 2]


def test_a_run_that_takes_too_long_is_not_run_again():
    runs, run = make("max_batch_size { value: 2 } batch_timeout_micros { value: 1000000 }")

    def answer(feeds, fetches):
        raise status.DeadlineExceeded("Timed out waiting for notification")

    runs.answer = answer
    answers = ask_at_once(run, [rows(1), rows(1)])
    assert [answer.name for answer in answers] == ["DEADLINE_EXCEEDED"] * 2
    assert runs.sizes() == [2]


def test_a_request_of_a_wrong_type_or_without_rows_fails_alone():
    runs, run = make("max_batch_size { value: 2 } batch_timeout_micros { value: 50000 }")

    def answer(feeds, fetches):
        if feeds["x"].dtype != np.float32:
            raise status.InvalidArgument("Expects arg[0] to be float but int32 is provided")
        return [feeds["x"]]

    runs.answer = answer
    answers = ask_at_once(run, [rows(1), rows(1).astype(np.int32), rows(0)])
    assert answers[0].tolist() == [[1, 1]]
    assert answers[1].message == "Expects arg[0] to be float but int32 is provided"
    assert answers[2].shape == (0, 2)


def test_the_run_has_the_time_of_its_most_patient_request():
    runs, run = make("max_batch_size { value: 2 } batch_timeout_micros { value: 10000000 }")
    threads = [
        threading.Thread(target=run, args=({"x": rows(1)}, ["y"], seconds)) for seconds in (30.0, 90.0)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert 80 < runs.timeouts[0] <= 90


def test_a_batch_whose_deadlines_all_passed_is_not_run():
    runs, run = make("batch_timeout_micros { value: 100000 }")
    answers = ask_at_once(run, [rows(1), rows(1)], timeout_seconds=0.01)
    assert {answer.message for answer in answers} == {
        "Run() timeout exceeded while waiting in batching queue"
    }
    assert {answer.name for answer in answers} == {"RESOURCE_EXHAUSTED"}
    assert not runs.feeds


def test_large_requests_are_split_where_that_is_allowed():
    runs, run = make(
        "max_batch_size { value: 10 } enable_large_batch_splitting { value: true } "
        "max_execution_batch_size { value: 4 }"
    )
    array = np.arange(20, dtype=np.float32).reshape(10, 2)
    np.testing.assert_array_equal(run({"x": array}, ["y"])[0], 2 * array)
    assert sorted(runs.sizes()) == [2, 4, 4]


def test_signatures_and_output_filters_have_queues_of_their_own():
    runs, run = make("max_batch_size { value: 2 } batch_timeout_micros { value: 100000 }")
    threads = [
        threading.Thread(target=run, args=({"x": rows(1)}, fetches)) for fetches in (["y"], ["y", "z"])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert runs.sizes() == [1, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("num_batch_threads { value: 0 }", "num_batch_threads must be positive; was 0"),
        ("batch_timeout_micros { value: -1 }", "batch_timeout_micros must be non-negative; was -1"),
        ("max_enqueued_batches { value: 0 }", "max_enqueued_batches must be positive; was 0"),
        (
            "max_batch_size { value: 32 } allowed_batch_sizes: 8",
            "Last entry in allowed_batch_sizes must match max_batch_size; last entry was 8; expected 32",
        ),
    ],
)
def test_what_parameters_must_be(text, message):
    with pytest.raises(status.InvalidArgument) as raised:
        Batching(parameters(text))
    assert raised.value.message == message


def test_defaults_are_those_of_tf_serving():
    options = BatchingOptions.from_proto(parameters(""))
    assert (options.max_batch_size, options.batch_timeout_micros, options.max_enqueued_batches) == (
        1000,
        0,
        10,
    )


def test_parameters_of_a_version_and_none_without(tmp_path):
    runs = Runs()
    batching = Batching(parameters("max_batch_size { value: 1 }"), per_model=True)
    assert batching.runner(runs, tmp_path) is runs
    (tmp_path / PARAMETERS_FILE).write_text("max_batch_size { value: 3 }")
    run = batching.runner(runs, tmp_path)
    with pytest.raises(status.InvalidArgument, match="Task size 4 is larger than maximum input batch size 3"):
        run({"x": rows(4)}, ["y"])


def test_a_real_model_answers_many_threads_the_same_as_alone():
    session = SavedModelSession(models_dir() / "linear" / "1")
    batching = Batching(parameters("max_batch_size { value: 16 } batch_timeout_micros { value: 1000 }"))
    session.share_runs(batching, Path())
    signature = session.signature("two")
    wrong = []

    def ask(number):
        for size in range(1, 9):
            feeds = {"a": np.full(size, number, np.float32), "b": np.arange(size, dtype=np.float32)}
            outputs = session.predict(signature, feeds, decode=lambda array: array)
            if not np.array_equal(outputs["sum"], feeds["a"] + feeds["b"]):
                wrong.append((number, size))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)
