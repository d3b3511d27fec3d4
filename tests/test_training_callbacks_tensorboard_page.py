"""The sample grid in TensorBoard's page, opened in a browser."""

import http.client
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from free_ports import free_port
from PIL import Image

from training.callbacks.sample_writer import SampleWriter
from training.pages.picture_sheet import PictureSheet

BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
# Nothing in TensorBoard's own page has this colour.
COLOUR = (20, 230, 200)
NUM_ROWS, NUM_COLUMNS = 3, 4


def wait_until_it_answers(port, process):
    for _ in range(300):
        assert process.poll() is None, "TensorBoard ended"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/data/plugin/images/tags")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.2)
    raise AssertionError("TensorBoard does not answer")


@pytest.fixture
def page_url(tmp_path):
    """Address of a TensorBoard of a run whose samples are pictures of one colour."""
    picture = np.full([28, 28, 3], COLOUR, "uint8")
    sheet = PictureSheet(rows=[[picture] * NUM_COLUMNS] * NUM_ROWS)
    writer = SampleWriter(lambda: sheet, tmp_path / "samples", tmp_path / "tensorboard")
    writer.on_train_begin()
    writer.on_epoch_end(0)
    port = free_port()
    words = ["--logdir", str(tmp_path / "tensorboard"), "--port", str(port), "--host", "127.0.0.1"]
    process = subprocess.Popen([sys.executable, "-m", "tensorboard.main", *words], stderr=subprocess.DEVNULL)
    try:
        wait_until_it_answers(port, process)
        yield f"http://127.0.0.1:{port}/#images"
    finally:
        process.terminate()
        process.wait()


def take_screenshot(url, tmp_path) -> np.ndarray:
    path = tmp_path / "page.png"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--window-size=1300,900"]
    flags += [
        f"--user-data-dir={tmp_path / 'browser'}",
        "--virtual-time-budget=30000",
        f"--screenshot={path}",
    ]
    subprocess.run([BROWSER, *flags, url], check=True, capture_output=True, timeout=120)
    return np.asarray(Image.open(path).convert("RGB")).astype("int32")


def count_runs(is_true) -> int:
    """Counts the stretches of True."""
    return int(np.sum(np.diff(np.concatenate([[0], is_true.astype("int32")])) == 1))


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs chromium: apt-get install chromium")
def test_a_browser_shows_the_sample_grid(page_url, tmp_path):
    is_sample = np.abs(take_screenshot(page_url, tmp_path) - COLOUR).max(axis=-1) < 12
    assert is_sample.sum() > 1000
    assert count_runs(is_sample.any(axis=1)) == NUM_ROWS
    assert count_runs(is_sample.any(axis=0)) == NUM_COLUMNS
