"""Writes models.config anew while a server runs, whenever models, versions or labels change."""

import logging
import threading
from pathlib import Path

from serving.launch.config_files import MODELS_FILE, models_config, models_text
from zoo.files.atomic_write import write_text

POLL_SECONDS = 1
_logger = logging.getLogger(__name__)


class ConfigFollower:
    """Keeps `models.config` in line with a directory of models; use it as a context manager.

    The server must read the file again every `POLL_SECONDS` (`--model_config_file_poll_wait_seconds`). TF
    Serving refuses a file as a whole that moves a label to a version that is not loaded, so that what is
    loaded changes first and labels move a while later.

    Args:
        models_dir: The models.
        config_dir: Holds the file that the server reads.

    Example:

    ```python
    write_config_files(models_dir, config_dir)
    with ConfigFollower(models_dir, config_dir):
        server.wait()
    ```
    """

    def __init__(self, models_dir: Path, config_dir: Path):
        self._models_dir = models_dir
        self._file = config_dir / MODELS_FILE
        self._config = models_config(models_dir)
        self._problem = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="models-config", daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.wait(POLL_SECONDS):
            try:
                config = models_config(self._models_dir)
                problem = ""
            except (OSError, ValueError) as error:
                # What was served goes on being served.
                config, problem = self._config, str(error)
            if problem and problem != self._problem:
                _logger.warning("What is served stays as it is. %s", problem)
            self._problem = problem
            if config != self._config:
                self._write(config)

    def _write(self, config):
        write_text(self._file, models_text(_with_labels_of(self._config, config)))
        # After so long the server has read it; what it cannot move yet it moves once the version is loaded.
        if not self._stop.wait(3 * POLL_SECONDS):
            write_text(self._file, models_text(config))
            self._config = config


def _with_labels_of(old, new):
    """Returns a copy of a configuration in which every label is where it was."""
    labels = {model.name: dict(model.version_labels) for model in old.model_config_list.config}
    config = type(new)()
    config.CopyFrom(new)
    for model in config.model_config_list.config:
        model.version_labels.clear()
        model.version_labels.update(labels.get(model.name, {}))
    return config
