import threading
import time
from pathlib import Path

import pytest

from serving.model_server.core import servable_manager
from serving.model_server.core.servable_manager import ModelVersion, ServableManager
from serving.wire.status import Cancelled, NotFound


class Session:
    """Records what the manager does with it; `hold` keeps it loaded as a request does."""

    def __init__(self, events, path):
        self.events, self.path = events, path
        self.free = threading.Event()
        self.free.set()

    def close(self):
        self.free.wait(10)
        self.events.append(f"close {self.path}")


class Loading:
    """Loads sessions, except of the paths in `broken`."""

    def __init__(self):
        self.events: list[str] = []
        self.broken: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, path):
        self.gate.wait(10)
        if str(path) in self.broken:
            self.events.append(f"fail {path}")
            raise NotFound(f"nothing at {path}")
        self.events.append(f"load {path}")
        return Session(self.events, path)


@pytest.fixture(autouse=True)
def fast_ticks(monkeypatch):
    monkeypatch.setattr(servable_manager, "TICK_SECONDS", 0.005)


@pytest.fixture
def loading():
    return Loading()


@pytest.fixture
def manager(loading):
    manager = ServableManager(loading, max_num_load_retries=0)
    yield manager
    manager.stop()


def paths(*versions):
    return {version: Path(str(version)) for version in versions}


def until(condition):
    for _ in range(4000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come to pass within twenty seconds")


def states(manager, name="m"):
    return {version: model.state for version, model in manager.versions(name).items()}


def start(manager, *versions):
    manager.want({"m": paths(*versions)})
    manager.start()


def test_a_new_version_is_loaded_before_the_old_one_goes(manager, loading):
    start(manager, 1)
    manager.want({"m": paths(2)})
    until(lambda: states(manager) == {1: "END", 2: "AVAILABLE"})
    assert loading.events == ["load 1", "load 2", "close 1"]


def test_a_version_that_fails_leaves_the_old_one_and_is_not_tried_again(manager, loading):
    loading.broken.add("2")
    start(manager, 1)
    for _ in range(20):
        manager.want({"m": paths(2)})
        time.sleep(0.01)
    assert states(manager) == {1: "AVAILABLE", 2: "END"}
    assert manager.versions("m")[2].error.message == "nothing at 2"
    assert loading.events.count("fail 2") == 1


def test_a_failed_version_is_tried_again_after_it_was_gone(manager, loading):
    loading.broken.add("2")
    start(manager, 1)
    manager.want({"m": paths(2)})
    until(lambda: states(manager) == {1: "AVAILABLE", 2: "END"})
    manager.want({"m": paths(1)})
    loading.broken.clear()
    manager.want({"m": paths(2)})
    until(lambda: states(manager) == {1: "END", 2: "AVAILABLE"})


def test_a_version_that_was_gone_while_it_failed_is_tried_again(manager, loading):
    loading.broken.add("2")
    start(manager, 1)
    loading.gate.clear()
    manager.want({"m": paths(2)})
    until(lambda: states(manager)[2] == "LOADING")
    manager.want({"m": paths(1)})
    manager.want({"m": paths(2)})
    loading.gate.set()
    until(lambda: loading.events.count("fail 2") == 2)
    until(lambda: states(manager) == {1: "AVAILABLE", 2: "END"})
    time.sleep(0.05)
    assert loading.events.count("fail 2") == 2


def test_versions_that_come_and_go_at_any_moment_never_stop_the_manager(manager, monkeypatch):
    monkeypatch.setattr(servable_manager, "TICK_SECONDS", 0)
    start(manager, 1)
    for _ in range(3000):
        manager.want({"m": paths(2)})
        manager.want({"m": paths(1)})
    manager.want({"m": paths(3)})
    until(lambda: states(manager).get(3) == "AVAILABLE")


def test_nothing_wanted_unloads_everything_and_ends_stay_known(manager):
    start(manager, 1, 2)
    manager.want({"m": {}})
    until(lambda: states(manager) == {1: "END", 2: "END"})


def test_of_several_unwanted_versions_one_stays_until_the_new_one_is_there(manager, loading):
    start(manager, 1, 2, 3)
    loading.gate.clear()
    manager.want({"m": paths(4)})
    until(lambda: states(manager)[4] == "LOADING")
    # The lowest two went first, as unloading is preferred.
    assert states(manager) == {1: "END", 2: "END", 3: "AVAILABLE", 4: "LOADING"}
    loading.gate.set()
    until(lambda: states(manager)[3] == "END")


def test_the_highest_of_several_new_versions_is_loaded_first(manager, loading):
    manager.start()
    manager.want({"m": paths(1, 3, 2)})
    until(lambda: set(states(manager).values()) == {"AVAILABLE"})
    assert loading.events == ["load 3", "load 2", "load 1"]


def test_a_version_in_use_is_unloading_until_it_is_free_and_not_found_meanwhile(manager):
    start(manager, 1)
    session = manager.versions("m")[1].session
    session.free.clear()
    manager.want({"m": {}})
    until(lambda: states(manager) == {1: "UNLOADING"})
    session.free.set()
    until(lambda: states(manager) == {1: "END"})


def test_a_version_wanted_again_while_it_goes_comes_back(manager, loading):
    start(manager, 1)
    session = manager.versions("m")[1].session
    session.free.clear()
    manager.want({"m": {}})
    until(lambda: states(manager) == {1: "UNLOADING"})
    manager.want({"m": paths(1)})
    session.free.set()
    until(lambda: loading.events == ["load 1", "close 1", "load 1"])


def test_retries_end_when_the_version_is_wanted_no_more(loading):
    manager = ServableManager(loading, max_num_load_retries=1000, load_retry_interval_seconds=0.01)
    loading.broken.add("2")
    start(manager, 1)
    manager.want({"m": paths(2)})
    until(lambda: loading.events.count("fail 2") > 2)
    manager.want({"m": paths(3)})
    until(lambda: states(manager) == {1: "END", 2: "END", 3: "AVAILABLE"})
    manager.stop()


def test_a_thread_for_loading_keeps_a_broken_version_from_blocking_others(loading):
    manager = ServableManager(loading, 2, max_num_load_retries=1000, load_retry_interval_seconds=0.01)
    loading.broken.add("2")
    start(manager, 1)
    manager.want({"m": paths(2), "other": paths(7)})
    until(lambda: states(manager, "other") == {7: "AVAILABLE"})
    assert states(manager)[2] == "LOADING"
    manager.stop()


def test_waiting_ends_with_the_highest_settled_version_or_with_stop(manager, loading):
    loading.broken.add("2")
    start(manager, 1, 2)
    (settled,) = manager.wait_until_settled(["m"])
    assert (settled.version, settled.state) == (2, "END")
    threading.Timer(0.05, manager.stop).start()
    with pytest.raises(Cancelled):
        manager.wait_until_settled(["never"])


def test_only_a_loaded_version_has_a_session():
    with pytest.raises(RuntimeError, match="Received: version=3 with state=LOADING. Wait until it is AVAIL"):
        _ = ModelVersion(3, "LOADING").session
