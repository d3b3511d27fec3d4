"""Rewrites models.config while a server runs, whenever models, versions or labels change."""

import logging
import threading
from pathlib import Path

from serving.launch.config_files import MODELS_FILE, models_config, models_text
from zoo.files.atomic_write import write_text

POLL_SECONDS = 1
_logger = logging.getLogger(__name__)


class ConfigFollower:
    """Keeps `models.config` up to date with a directory of models; use it as a context manager.

    The server must reread the file every `POLL_SECONDS` (`--model_config_file_poll_wait_seconds`). TF Serving
    refuses a whole file if it moves a label to a version that is not loaded yet. Therefore a first file
    changes the loaded versions, and a later one moves the labels.

    Args:
        models_dir: Directory of all models.
        config_dir: Directory of the file that the server reads.

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
                # The server keeps its current models.
                config, problem = self._config, str(error)
            if problem and problem != self._problem:
                _logger.warning("The served models do not change. %s", problem)
            self._problem = problem
            if config != self._config:
                self._write(config)

    def _write(self, config):
        write_text(self._file, models_text(_with_labels_of(self._config, config)))
        # By then the server has read the file; a label it cannot move yet moves once its version is loaded.
        if not self._stop.wait(3 * POLL_SECONDS):
            write_text(self._file, models_text(config))
            self._config = config


def _with_labels_of(old, new):
    """Returns a copy of the new configuration with the old one's labels."""
    labels = {model.name: dict(model.version_labels) for model in old.model_config_list.config}
    config = type(new)()
    config.CopyFrom(new)
    for model in config.model_config_list.config:
        model.version_labels.clear()
        model.version_labels.update(labels.get(model.name, {}))
    return config
