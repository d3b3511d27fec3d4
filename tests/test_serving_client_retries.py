"""When clients ask again; the servers are real, and answer with the statuses of a script."""

import asyncio
import random
import threading

import pytest
import tenacity
from free_ports import free_ports
from scripted_servers import scripted_server
from served_runs import run_zoo
from serving_models import running_server

from serving.client import retries
from serving.client.connection import connect, connect_async
from serving.client.errors import AccessDeniedError, PredictionError, ServerUnreachableError

ONES = {"x": [[1.0, 1.0, 1.0, 1.0]]}
protocols = pytest.mark.parametrize("protocol", ["grpc", "http"])


@pytest.fixture
def short_pauses(monkeypatch):
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.01)


def status_sync(address, **options):
    with connect(address, **options) as client:
        return client.status("m")


def status_async(address, **options):
    async def ask():
        async with connect_async(address, **options) as client:
            return await client.status("m")

    return asyncio.run(ask())


@protocols
@pytest.mark.parametrize("ask", [status_sync, status_async])
def test_a_server_without_room_is_asked_again(protocol, ask, short_pauses):
    answers = iter([503, 503, 200])
    with scripted_server(protocol, lambda headers: next(answers)) as address:
        assert ask(address) == {1: "AVAILABLE"}


@protocols
@pytest.mark.parametrize("max_retries", [0, 2])
def test_the_number_of_tries_is_bounded(protocol, max_retries, short_pauses):
    asked = []
    with (
        scripted_server(protocol, lambda headers: asked.append(1) or 503) as address,
        pytest.raises(PredictionError) as raised,
    ):
        status_sync(address, max_retries=max_retries)
    assert raised.value.http_status == 503
    assert len(asked) == 1 + max_retries


@protocols
@pytest.mark.parametrize("ask", [status_sync, status_async])
@pytest.mark.parametrize("http_status", [400, 401, 403, 404, 429, 500, 504])
def test_no_other_error_is_asked_again(protocol, ask, http_status, short_pauses):
    asked = []
    with (
        scripted_server(protocol, lambda headers: asked.append(1) or http_status) as address,
        pytest.raises(PredictionError) as raised,
    ):
        ask(address)
    assert raised.value.http_status == http_status
    assert len(asked) == 1


@protocols
def test_a_server_that_starts_a_second_later_answers(protocol, tmp_path):
    port, rest_port = free_ports(2)
    address = f"{protocol}://localhost:{port if protocol == 'grpc' else rest_port}"
    answers = []

    def ask():
        with connect(address, max_retries=50) as client:
            answers.append(client.predict("linear", ONES)["y"].tolist())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(timeout=1)
    assert answers == []
    with running_server(tmp_path, port=port, rest_api_port=rest_port):
        thread.join(timeout=60)
    assert answers == [[[2, 2, 2, 2]]]


@protocols
@pytest.mark.parametrize("ask", [status_sync, status_async])
def test_asking_again_ends_with_the_deadline(protocol, ask):
    """Without a deadline, a thousand retries would take hours."""
    (port,) = free_ports(1)
    with pytest.raises(ServerUnreachableError):
        ask(f"{protocol}://localhost:{port}", max_retries=1000, timeout_seconds=0.6)


def test_pauses_double_and_end_before_the_deadline(monkeypatch):
    now, pauses = [100.0], []

    def pause(seconds):
        pauses.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(retries.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(random, "uniform", lambda low, high: low + 0.5 * (high - low))
    monkeypatch.setattr(tenacity.nap.time, "sleep", pause)
    retrying = retries.make_retrying(tenacity.Retrying, max_retries=100, deadline=120.0)

    def refuse():
        raise ServerUnreachableError("a:1", "refused")

    with pytest.raises(ServerUnreachableError):
        retrying(refuse)
    assert pauses == [0.25, 0.5, 1, 2, 4, 4, 4, 4]


@protocols
def test_a_call_may_have_a_time_limit_of_its_own(protocol):
    is_over = threading.Event()

    def hang(headers):
        is_over.wait(20)
        return 200

    with scripted_server(protocol, hang) as address, connect(address) as client:
        try:
            with pytest.raises(PredictionError) as raised:
                client.status("m", timeout_seconds=0.2)
        finally:
            is_over.set()
    assert raised.value.http_status == 504


def test_limits_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"must be above 0. Received: timeout_seconds=0"):
        connect("localhost:1", timeout_seconds=0)
    with connect("localhost:1") as client, pytest.raises(ValueError, match="timeout_seconds=-1"):
        client.status("m", timeout_seconds=-1)
    with pytest.raises(ValueError, match=r"0, for no retries, or more. Received: max_retries=-1"):
        connect("localhost:1", max_retries=-1)


@protocols
@pytest.mark.parametrize("ask", [status_sync, status_async])
def test_the_api_key_goes_with_every_call(protocol, ask):
    with scripted_server(
        protocol, lambda headers: 200 if headers.get("authorization") == "Bearer k" else 401
    ) as address:
        assert ask(address, api_key="k") == {1: "AVAILABLE"}
        for options in ({}, {"api_key": "another"}):
            with pytest.raises(AccessDeniedError, match="Give the server's key as `api_key`") as raised:
                ask(address, **options)
            assert "<html>" not in str(raised.value)


@protocols
@pytest.mark.parametrize("api_key", [None, "", "another"])
def test_commands_take_the_api_key_of_the_environment(protocol, api_key, monkeypatch, capsys):
    if api_key is not None:
        monkeypatch.setenv("ZOO_API_KEY", api_key)
    received = []
    with scripted_server(
        protocol, lambda headers: received.append(headers.get("authorization")) or 403
    ) as address:
        code, _, error = run_zoo(capsys, "generate", "--server", address)
    assert (code, received) == (1, [f"Bearer {api_key}" if api_key else None])
    assert error.endswith("Give the server's key as `api_key`; commands read it from ZOO_API_KEY.")


@pytest.mark.parametrize("address", ["pictures.example:8500", "http://10.0.0.1:8501", "grpc://[fe80::1]:1"])
def test_the_api_key_does_not_leave_this_machine_unencrypted(address):
    with pytest.raises(ValueError, match="sent only over an encrypted connection") as raised:
        connect(address, api_key="secret")
    assert "secret" not in str(raised.value)
    with connect(address, api_key="secret", sends_api_key_unencrypted=True) as client:
        assert "secret" not in repr(client.options)


@pytest.mark.parametrize("address", ["localhost:1", "http://127.0.0.1:1", "[::1]:1", "grpcs://a.example:1"])
def test_the_api_key_may_be_sent_where_nobody_reads_it(address):
    connect(address, api_key="secret").close()


@pytest.mark.parametrize("api_key", ["line\n", "é", "a\x00"])
def test_keys_that_no_header_can_hold_are_refused(api_key):
    with pytest.raises(ValueError, match="must be one line of printable ASCII") as raised:
        connect("localhost:1", api_key=api_key)
    assert api_key not in str(raised.value)


@protocols
def test_fifty_calls_are_under_way_at_a_time(protocol):
    """The server answers none before all of them are there."""
    together = threading.Barrier(50)

    async def ask():
        async with connect_async(address) as client:
            return await asyncio.gather(*(client.status("m") for _ in range(50)))

    def answer(headers):
        together.wait(timeout=60)
        return 200

    with scripted_server(protocol, answer, num_threads=50) as address:
        assert asyncio.run(ask()) == [{1: "AVAILABLE"}] * 50
