"""Loads the requested versions and unloads all others, one action at a time.

Sources:
    [TFS] tensorflow/serving, `core/aspired_versions_manager.cc`, `core/availability_preserving_policy.cc`,
        `core/loader_harness.cc`, `core/servable_state_monitor.cc`
"""

import concurrent.futures
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from serving.model_server.core.saved_model_session import SavedModelSession
from serving.wire.status import Cancelled, ServingError, from_exception

TICK_SECONDS = 0.1
_POLL_SECONDS = 0.2  # between two questions whether somebody still waits
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model and its state.

    Attributes:
        version: Version number.
        state: A name in `ModelVersionStatus.State`: START, LOADING, AVAILABLE, UNLOADING or END.
        error: The error that loading failed with; None without one.
        loaded: The loaded model while the state is AVAILABLE or UNLOADING; None otherwise.
    """

    version: int
    state: str = "START"
    error: ServingError | None = None
    loaded: SavedModelSession | None = None

    @property
    def session(self) -> SavedModelSession:
        """The loaded model.

        Raises:
            RuntimeError: It is not loaded.
        """
        if self.loaded is None:
            raise RuntimeError(
                "A version must be AVAILABLE or UNLOADING to have a session, because it is loaded only then. "
                f"Received: version={self.version} with state={self.state}. Wait until it is AVAILABLE."
            )
        return self.loaded


class ServableManager:
    """Loads and unloads versions until those requested are loaded, each new version before the old one goes.

    If a version fails to load, the old one stays; the failed one is retried only after it was not requested
    for a while. A version is closed once its last request is answered.

    Args:
        load: Makes a session from a version directory.
        num_load_threads: Versions loaded at a time; 0 loads in the manager's own thread, where a version's
            retries keep all others waiting.
        num_unload_threads: Versions unloaded at a time; 0 unloads in the manager's own thread.
        max_num_load_retries: Number of retries after the first attempt.
        load_retry_interval_seconds: Pause between two attempts.

    Example:

    ```python
    manager = ServableManager(SavedModelSession)
    manager.want({"dcgan": {3: Path("/models/dcgan/3")}})
    manager.start()
    manager.wait_until_settled(["dcgan"])
    ```
    """

    def __init__(
        self,
        load: Callable[[Path], SavedModelSession],
        num_load_threads: int = 0,
        num_unload_threads: int = 0,
        max_num_load_retries: int = 5,
        load_retry_interval_seconds: float = 60.0,
    ):
        self._load = load
        self._num_tries = max_num_load_retries + 1
        self._retry_seconds = load_retry_interval_seconds
        self._pools = {"load": _pool("load", num_load_threads), "unload": _pool("unload", num_unload_threads)}
        self._wanted: dict[str, dict[int, Path]] = {}
        # Versions accepted and not yet given up; only the state of the others is kept.
        self._managed: set[tuple[str, int]] = set()
        # Versions no longer requested while they load; they may be requested again before loading ends.
        self._unwanted_while_loading: set[tuple[str, int]] = set()
        self._versions: dict[str, dict[int, ModelVersion]] = {}
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="manager", daemon=True)

    def versions(self, name: str) -> Mapping[int, ModelVersion]:
        """Returns all versions of a model that were ever accepted, by number."""
        return self._versions.get(name, {})

    def want(self, versions: Mapping[str, Mapping[int, Path]]) -> None:
        """Sets the version directories to load for each named model; `{}` for none."""
        with self._changed:
            for name, paths in versions.items():
                self._wanted[name] = dict(paths)
                for version in self.versions(name).keys() - set(paths):
                    self._give_up(name, version)
                for version in paths:
                    if (name, version) not in self._managed:
                        self._managed.add((name, version))
                        self._set(name, ModelVersion(version))

    def start(self) -> None:
        """Starts the manager; the versions requested so far load at once, on four threads per CPU."""
        with concurrent.futures.ThreadPoolExecutor(4 * (os.cpu_count() or 1), "first-load") as pool:
            while action := self._begin_next():
                pool.submit(self._perform, *action)
        self._thread.start()

    def stop(self) -> None:
        """Ends waiting and retries, and starts no further actions; safe in signal handlers."""
        self._stop.set()

    def wait_until_settled(
        self, names: Iterable[str], is_wanted: Callable[[], bool] = lambda: True
    ) -> list[ModelVersion]:
        """Waits until each model has a version that is AVAILABLE or at its END; returns the highest ones.

        Args:
            names: Names of the models.
            is_wanted: Called repeatedly; returns whether to keep waiting.

        Raises:
            Cancelled: `stop` was called or `is_wanted` returned False before every model had such a version.
        """
        names = list(names)
        with self._changed:
            while True:
                settled = [model for name in names if (model := self._settled(name)) is not None]
                if len(settled) == len(names):
                    return settled
                if self._stop.is_set():
                    raise Cancelled("The server was stopped while it waited for models.")
                if not is_wanted():
                    raise Cancelled("The client left while the server waited for models.")
                # Polls, because a signal handler cannot safely take the condition's lock to wake this.
                self._changed.wait(_POLL_SECONDS)

    def _settled(self, name) -> ModelVersion | None:
        versions = self._versions.get(name, {})
        ended = [version for version, model in versions.items() if model.state in ("AVAILABLE", "END")]
        return versions[max(ended)] if ended else None

    def _run(self):
        while not self._stop.wait(TICK_SECONDS):
            action = self._begin_next()
            if action is None:
                continue
            pool = self._pools[action[0]]
            if pool is None:
                self._perform(*action)
            else:
                pool.submit(self._perform, *action)

    def _begin_next(self) -> tuple[str, str, int] | None:
        """Begins and returns the next action, unloading first; None if nothing is left to do."""
        with self._changed:
            actions = [action for name in sorted(self._wanted) if (action := self._next_action_of(name))]
            action = next((action for action in actions if action[0] == "unload"), next(iter(actions), None))
            if action:
                self._begin(*action)
        return action

    def _next_action_of(self, name):
        """[TFS] availability_preserving_policy.cc: keeps a version available whenever possible."""
        wanted = self._wanted[name]
        states = {v: m.state for v, m in self.versions(name).items() if (name, v) in self._managed}
        ready = {version for version, state in states.items() if state == "AVAILABLE"}
        unwanted = sorted(ready - set(wanted))
        if unwanted and (not wanted or ready & set(wanted) or len(unwanted) > 1):
            return "unload", name, unwanted[0]
        new = [version for version, state in states.items() if state == "START" and version in wanted]
        return ("load", name, max(new)) if new else None

    def _begin(self, kind, name, version):
        model = self.versions(name)[version]
        # From here on no request finds the version to unload.
        state = ModelVersion(version, "LOADING") if kind == "load" else replace(model, state="UNLOADING")
        self._set(name, state)

    def _perform(self, kind, name, version):
        if kind == "unload":
            self.versions(name)[version].session.close()
            _logger.info("Successfully unloaded servable version {name: %s version: %d}", name, version)
            model = ModelVersion(version, "END")
        else:
            model = self._loaded(name, version)
        with self._changed:
            self._set(name, model)
            was_unwanted = (name, version) in self._unwanted_while_loading
            self._unwanted_while_loading.discard((name, version))
            if kind == "unload" or was_unwanted or version not in self._wanted[name]:
                self._give_up(name, version)
            # The version may have been requested again meanwhile.
            self.want({name: self._wanted[name]})

    def _give_up(self, name, version):
        state = self.versions(name)[version].state
        if state == "LOADING":
            self._unwanted_while_loading.add((name, version))
        if state == "START":
            remaining = {v: m for v, m in self.versions(name).items() if v != version}
            self._versions = self._versions | {name: remaining}
        if state in ("START", "END"):
            self._managed.discard((name, version))

    def _loaded(self, name, version) -> ModelVersion:
        error = None
        for attempt in range(self._num_tries):
            if attempt:
                self._stop.wait(self._retry_seconds)
            path = self._wanted[name].get(version)
            if self._stop.is_set() or path is None:
                break
            try:
                session = self._load(path)
            except Exception as reason:  # noqa: BLE001 - any failure becomes this version's state
                error = from_exception(reason)
                _logger.error(
                    "Loading servable: {name: %s version: %d} failed: %s", name, version, error.status_text()
                )
                continue
            _logger.info("Successfully loaded servable version {name: %s version: %d}", name, version)
            return ModelVersion(version, "AVAILABLE", loaded=session)
        return ModelVersion(version, "END", error=error)

    def _set(self, name, model: ModelVersion):
        """Replaces a model's map of versions, so that readers need no lock."""
        with self._changed:
            self._versions = self._versions | {name: dict(self.versions(name)) | {model.version: model}}
            self._changed.notify_all()


def _pool(name, num_threads) -> concurrent.futures.Executor | None:
    return concurrent.futures.ThreadPoolExecutor(num_threads, name) if num_threads > 0 else None
