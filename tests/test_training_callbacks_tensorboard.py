"""TensorBoard events of a run, read back from its files."""

import csv
import json
import re

import numpy as np
import pytest
from google.protobuf import text_format
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins import projector
from tensorboard.util.tensor_util import make_ndarray

from training.callbacks.latent_projector import make_sprite
from training.callbacks.step_profiler import StepProfiler
from training.loop.trainer import start_training
from training.runs.run_control import RunControl, parse_profile_steps
from zoo.errors import WrongUsageError

pytestmark = pytest.mark.slow

NUM_EPOCHS = 2


@pytest.fixture(scope="module")
def gan_run(make_small_config, tmp_path_factory):
    config = make_small_config("dcgan", epochs=NUM_EPOCHS, batch_size=1, precision="mixed_float16")
    control = RunControl(histograms=True, profile_steps=(21, 22))
    return start_training(config, tmp_path_factory.mktemp("runs"), "gan", control)


@pytest.fixture(scope="module")
def vae_run(make_small_config, tmp_path_factory):
    config = make_small_config("conditional_vae", epochs=NUM_EPOCHS, schedule="cosine")
    return start_training(config, tmp_path_factory.mktemp("runs"), "vae")


def read_events(run, part):
    events = EventAccumulator(str(run / "tensorboard" / part))
    events.Reload()
    return events


def scalars_of(run, name, part="train"):
    return [float(make_ndarray(event.tensor_proto)) for event in read_events(run, part).Tensors(name)]


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_optimizers_and_gradients_of_both_networks(gan_run, network):
    assert scalars_of(gan_run, f"epoch_{network}_learning_rate") == pytest.approx([1e-3] * NUM_EPOCHS)
    # Keras' first scale, which no step of so few has raised or, but for overflows, halved.
    scales = scalars_of(gan_run, f"epoch_{network}_loss_scale")
    assert all(scale in (2.0**15, 2.0**14, 2.0**13) for scale in scales)
    norms = scalars_of(gan_run, f"epoch_{network}_gradient_norm")
    # Without the loss scale, which would make them thousands.
    assert all(0 < norm < 100 for norm in norms)


def test_a_schedule_is_seen_to_fall(vae_run):
    first, last = scalars_of(vae_run, "epoch_learning_rate")
    assert 1e-3 > first > last >= 0
    assert all(norm > 0 for norm in scalars_of(vae_run, "epoch_gradient_norm"))


def test_speed_and_memory(gan_run):
    assert all(speed > 0 for speed in scalars_of(gan_run, "epoch_images_per_second"))
    assert all(0.1 < gib < 24 for gib in scalars_of(gan_run, "epoch_peak_memory_gib"))


@pytest.mark.parametrize("name", ["samples", "traversals"])
def test_sheets_of_every_epoch(gan_run, vae_run, name):
    for run in (gan_run, vae_run):
        events = read_events(run, "samples").Tensors(name)
        assert [event.step for event in events] == list(range(NUM_EPOCHS + 1))
        width, height, *pngs = make_ndarray(events[-1].tensor_proto)
        assert min(int(width), int(height)) > 50
        assert pngs[0].startswith(b"\x89PNG")


def test_the_text_is_the_configuration(vae_run):
    (event,) = read_events(vae_run, "samples").Tensors("configuration")
    text = make_ndarray(event.tensor_proto).item().decode()
    written = re.fullmatch(r"```json\n(.*)\n```", text, re.DOTALL).group(1)
    assert json.loads(written) == json.loads((vae_run / "config.json").read_text(encoding="utf-8"))


def test_histograms_only_where_they_are_asked_for(gan_run, vae_run):
    assert any("kernel" in tag for tag in read_events(gan_run, "train").Tags()["tensors"])
    assert not any("kernel" in tag for tag in read_events(vae_run, "train").Tags()["tensors"])


def test_a_profile_of_the_steps_that_were_asked_for(gan_run, vae_run):
    profiles = list(gan_run.glob("tensorboard/plugins/profile/*/*.xplane.pb"))
    assert len(profiles) == 1
    content = profiles[0].read_bytes()
    assert len(content) > 10_000
    assert b"step_num" in content  # by which the profiler tells executions apart
    assert not (vae_run / "tensorboard" / "plugins").exists()


def test_the_projector_has_latents_labels_and_thumbnails(vae_run, gan_run, small_data_set):
    directory = vae_run / "tensorboard" / "samples"
    config = text_format.Parse(
        (directory / "projector_config.pbtxt").read_text(), projector.ProjectorConfig()
    )
    (embedding,) = config.embeddings
    latents = np.loadtxt(directory / embedding.tensor_path, delimiter="\t")
    num_images = small_data_set.num_images["validation"]
    assert latents.shape == (num_images, 3)
    with (directory / embedding.metadata_path).open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file, delimiter="\t")
    assert header == list(small_data_set.attributes)
    assert len(rows) == num_images
    assert all(row[0] in small_data_set.attributes[header[0]] for row in rows)
    with Image.open(directory / embedding.sprite.image_path) as sprite:
        side = int(np.ceil(np.sqrt(num_images))) * 8
        assert sprite.size == (side, side)
    assert list(embedding.sprite.single_image_dim) == [8, 8]
    assert not (gan_run / "tensorboard" / "samples" / "projector_config.pbtxt").exists()


@pytest.mark.slow
def test_thumbnails_lie_row_by_row():
    raw_images = np.arange(5, dtype="uint8")[:, None, None, None] * np.ones([5, 4, 4, 1], "uint8")
    sprite = np.asarray(make_sprite(raw_images))[::4, ::4, 0]
    np.testing.assert_array_equal(sprite, [[0, 1, 2], [3, 4, 255], [255, 255, 255]])
    # A thousand large pictures fit into what TensorBoard takes.
    assert make_sprite(np.zeros([1000, 512, 512, 3], "uint8")).size <= (8192, 8192)


@pytest.mark.parametrize("text", ["", "100", "0:5", "9:8", "a:b", "1:2:3"])
def test_impossible_steps_to_profile(text):
    with pytest.raises(WrongUsageError, match=re.escape(f"Received: {text!r}. Use e.g. 100:110.")):
        parse_profile_steps(text)


def test_which_executions_are_profiled(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr("tensorflow.profiler.experimental.start", lambda path: calls.append("start"))
    monkeypatch.setattr("tensorflow.profiler.experimental.stop", lambda: calls.append("stop"))
    profiler = StepProfiler(25, 45, tmp_path)
    for epoch in range(2):
        profiler.on_epoch_begin(epoch)
        for first in (0, 20):
            profiler.on_train_batch_begin(first)
            profiler.on_train_batch_end(first + 19)
            calls.append(40 * epoch + first + 20)
    profiler.on_train_end()
    assert calls == [20, "start", 40, "stop", 60, 80]
