"""Checkpoints: when they are saved and kept, restored to the same state, or refused."""

import re

import checks
import keras
import numpy as np
import pytest
import tensorflow as tf

from training.callbacks.checkpoints import Checkpoints
from training.callbacks.diverged import DivergedError
from zoo.conditional_vae.conditional_vae import ConditionalVAE
from zoo.dcgan.dcgan import DCGAN

ATTRIBUTES = {"category": ("bag", "shoe", "hat")}
BATCH = (
    np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), dtype="uint8"),
    {"category": np.arange(6) % 3},
)


def build_dcgan(width=2, dtype="float32"):
    model = DCGAN(ATTRIBUTES, image_size=8, latent_dim=2, width=width, dtype=dtype)
    model.compile(keras.optimizers.Adam(1e-2), keras.optimizers.SGD(1e-2, momentum=0.9), jit_compile=False)
    return model


def build_vae(has_slots=True, **options):
    model = ConditionalVAE(ATTRIBUTES, image_size=8, latent_dim=2, width=2, **options)
    model.compile(optimizer=keras.optimizers.Adam(1e-2), jit_compile=False)
    if has_slots:
        model.optimizer.build(model.trainable_variables)
    return model


def save_after_one_epoch(directory, model):
    checkpoints = Checkpoints(directory, model)
    checkpoints.on_epoch_end(epoch=0)
    checkpoints.wait()
    return checkpoints


def build_editing_vae():
    return build_vae(likelihood="gaussian", edit_weight=1.0, independence_weight=1.0)


@pytest.mark.parametrize(
    "build", [build_dcgan, build_vae, build_editing_vae, lambda: build_dcgan(dtype="mixed_float16")]
)
def test_a_restored_model_goes_on_as_if_it_had_not_stopped(tmp_path, build):
    # Built earlier, so that Keras numbers the optimizers and seeds of both in another order.
    resumed, model = build(), build()
    for _ in range(3):
        model.train_step(BATCH)
    save_after_one_epoch(tmp_path, model)
    assert Checkpoints(tmp_path, resumed).restore() == (1, 0)

    for _ in range(2):
        model.train_step(BATCH)
        resumed.train_step(BATCH)
    assert all(map(np.array_equal, model.get_weights(), resumed.get_weights()))
    states = checks.optimizer_values_of(model)
    for name, values in checks.optimizer_values_of(resumed).items():
        assert len(values) == len(states[name])
        assert all(map(np.array_equal, values, states[name])), name


def test_the_newest_checkpoint_is_restored_and_few_are_kept(tmp_path):
    model = build_dcgan()
    checkpoints = Checkpoints(tmp_path, model, num_kept=2)
    checkpoints.save_initial_state()
    for epoch in range(3):
        model.train_step(BATCH)
        checkpoints.on_epoch_end(epoch)
    checkpoints.wait()
    assert {path.stem for path in tmp_path.glob("*.index")} == {"ckpt-2", "ckpt-3"}
    resumed = build_dcgan()
    assert Checkpoints(tmp_path, resumed).restore() == (3, 0)
    assert all(map(np.array_equal, model.get_weights(), resumed.get_weights()))


def test_a_training_can_be_resumed_before_its_first_epoch_has_ended(tmp_path):
    model = build_dcgan()
    Checkpoints(tmp_path, model).save_initial_state()
    resumed = build_dcgan()
    assert Checkpoints(tmp_path, resumed).restore() == (0, 0)
    assert all(map(np.array_equal, model.get_weights(), resumed.get_weights()))


def test_beginning_again_does_not_replace_what_is_there(tmp_path):
    save_after_one_epoch(tmp_path, build_dcgan())
    Checkpoints(tmp_path, build_dcgan()).save_initial_state()
    assert Checkpoints(tmp_path, build_dcgan()).restore() == (1, 0)


def test_a_directory_without_checkpoints_says_how_to_begin(tmp_path):
    directory = tmp_path / "checkpoints"
    message = (
        f"A run must have a checkpoint to be resumed. Received: {directory}, which has none. To start "
        f"over: zoo train --config {tmp_path / 'config.json'}"
    )
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        Checkpoints(directory, build_dcgan()).restore()


def refusal(directory):
    path = directory / "ckpt-1"
    return re.escape(f"The checkpoint must be intact and belong to the same network. Received: {path}.")


@pytest.mark.parametrize("other", [build_vae, lambda: build_dcgan(width=3)])
def test_a_checkpoint_of_another_network_is_refused(tmp_path, other):
    save_after_one_epoch(tmp_path, build_dcgan())
    with pytest.raises(ValueError, match=refusal(tmp_path)):
        Checkpoints(tmp_path, other()).restore()


@pytest.mark.parametrize("has_slots", [True, False])
def test_a_checkpoint_of_more_or_fewer_variables_is_refused(tmp_path, has_slots):
    save_after_one_epoch(tmp_path, build_vae(has_slots))
    with pytest.raises(ValueError, match=refusal(tmp_path)):
        Checkpoints(tmp_path, build_vae(not has_slots)).restore()


def damage(path, num_bytes_left):
    content = path.read_bytes()
    path.unlink()
    if num_bytes_left is not None:
        path.write_bytes(content[:num_bytes_left])


@pytest.mark.parametrize("damaged", ["data-00000-of-00001", "index"])
@pytest.mark.parametrize("num_bytes_left", [None, 0, 100])
def test_a_damaged_checkpoint_is_set_aside_for_the_one_before(tmp_path, damaged, num_bytes_left, capsys):
    model = build_dcgan()
    checkpoints = save_after_one_epoch(tmp_path, model)
    weights = [weight.numpy().copy() for weight in model.weights]
    model.train_step(BATCH)
    checkpoints.on_epoch_end(1)
    checkpoints.wait()
    damage(tmp_path / f"ckpt-2.{damaged}", num_bytes_left)
    resumed = build_dcgan()
    again = Checkpoints(tmp_path, resumed)
    assert again.restore() == (1, 0)
    assert all(map(np.array_equal, weights, resumed.get_weights()))
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("Checkpoint ckpt-2 is damaged (")
    assert "; resuming from ckpt-1, after 1 epochs and 0 steps of the next." in line
    aside = sorted(path.name for path in tmp_path.glob("damaged-ckpt-2.*"))
    assert len(aside) == 1 + (num_bytes_left is not None)
    assert str(tmp_path) not in (tmp_path / "checkpoint").read_text()
    # The damaged one takes no place among those that are kept.
    again.on_epoch_end(1)
    again.wait()
    assert names_of(tmp_path) - {"damaged-ckpt-2"} == {"ckpt-1", "ckpt-2"}
    assert sorted(path.name for path in tmp_path.glob("damaged-*")) == aside
    assert Checkpoints(tmp_path, build_dcgan()).restore() == (2, 0)


def test_where_no_checkpoint_is_whole_the_run_begins_anew(tmp_path):
    directory = tmp_path / "checkpoints"
    model = build_dcgan()
    checkpoints = save_after_one_epoch(directory, model)
    checkpoints.on_epoch_end(1)
    checkpoints.wait()
    for number in (1, 2):
        damage(directory / f"ckpt-{number}.data-00000-of-00001", 100)
    before = sorted(path.name for path in directory.iterdir())
    message = (
        re.escape(f"Received: {directory}, where all are damaged (ckpt-2: ")
        + ".*; ckpt-1: .*"
        + re.escape(f"To start over: zoo train --config {tmp_path / 'config.json'}")
    )
    with pytest.raises(ValueError, match=message):
        Checkpoints(directory, build_dcgan()).restore()
    assert sorted(path.name for path in directory.iterdir()) == before


def test_weights_of_the_same_path_are_refused(tmp_path):
    model = build_vae()
    layers = [keras.layers.Dense(2, name="twin") for _ in range(2)]
    for layer in layers:
        layer.build([1, 2])
    model.twins = layers
    with pytest.raises(ValueError, match="Received: twin/bias, twin/kernel several times"):
        Checkpoints(tmp_path, model)


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


def train_steps(checkpoints, model, steps, first=0, num_steps_of_epoch=100):
    checkpoints.set_params({"steps": num_steps_of_epoch})
    for step in range(first, first + steps):
        model.train_step(BATCH)
        checkpoints.on_train_batch_end(step)
    checkpoints.wait()


def names_of(directory):
    return {path.stem for path in directory.glob("*.index")}


def test_checkpoints_within_an_epoch_by_steps_and_minutes(tmp_path):
    model, clock = build_dcgan(), Clock()
    checkpoints = Checkpoints(tmp_path, model, num_kept=9, every_steps=3, every_minutes=2.0, now=clock)
    train_steps(checkpoints, model, 2)
    assert names_of(tmp_path) == set()
    train_steps(checkpoints, model, 1, first=2)
    assert names_of(tmp_path) == {"ckpt-1"}
    clock.seconds = 119.0
    train_steps(checkpoints, model, 1, first=3)
    assert names_of(tmp_path) == {"ckpt-1"}
    clock.seconds = 120.0
    train_steps(checkpoints, model, 1, first=4)
    assert names_of(tmp_path) == {"ckpt-1", "ckpt-2"}
    resumed = build_dcgan()
    assert Checkpoints(tmp_path, resumed).restore() == (0, 5)
    assert all(map(np.array_equal, model.get_weights(), resumed.get_weights()))


def test_the_last_step_of_an_epoch_is_saved_with_its_end(tmp_path):
    model = build_dcgan()
    checkpoints = Checkpoints(tmp_path, model, every_steps=1)
    train_steps(checkpoints, model, 2, num_steps_of_epoch=2)
    assert names_of(tmp_path) == {"ckpt-1"}
    checkpoints.on_epoch_end(0)
    checkpoints.wait()
    assert Checkpoints(tmp_path, build_dcgan()).restore() == (1, 0)


def test_metrics_of_an_epoch_go_on_where_they_stood(tmp_path):
    model, resumed = build_dcgan(), build_dcgan()
    checkpoints = Checkpoints(tmp_path, model)
    train_steps(checkpoints, model, 3)
    checkpoints.save()
    checkpoints.wait()
    again = Checkpoints(tmp_path, resumed)
    again.restore()
    resumed.reset_metrics()  # as Keras does before each epoch
    again.on_epoch_begin(0)
    logs, other_logs = (each.train_step(BATCH) for each in (model, resumed))
    assert {name: float(value) for name, value in logs.items()} == {
        name: float(value) for name, value in other_logs.items()
    }


def test_what_is_saved_is_what_was_when_saving_began(tmp_path):
    model = build_dcgan()
    checkpoints = Checkpoints(tmp_path, model)
    train_steps(checkpoints, model, 1)
    weights = [weight.numpy().copy() for weight in model.weights]
    checkpoints.save()
    model.train_step(BATCH)  # while it is written
    checkpoints.wait()
    resumed = build_dcgan()
    Checkpoints(tmp_path, resumed).restore()
    assert all(map(np.array_equal, weights, resumed.get_weights()))


def test_the_best_epoch_is_kept_besides_the_newest(tmp_path):
    model = build_dcgan()
    checkpoints = Checkpoints(tmp_path, model, num_kept=1, is_best=lambda num_epochs, kept: num_epochs == 2)
    weights = {}
    for epoch in range(4):
        model.train_step(BATCH)
        checkpoints.on_epoch_end(epoch)
        weights[epoch + 1] = [weight.numpy().copy() for weight in model.weights]
    checkpoints.wait()
    assert (names_of(tmp_path), names_of(tmp_path / "best")) == ({"ckpt-4"}, {"ckpt-2"})
    assert checkpoints.restore_best() == 2
    assert all(map(np.array_equal, weights[2], model.get_weights()))
    assert Checkpoints(tmp_path / "other", build_dcgan()).restore_best() is None


def every_other_epoch(num_epochs, kept):
    return num_epochs % 2 == 0


def save_two_epochs(directory, is_best=every_other_epoch):
    model = build_dcgan()
    checkpoints = Checkpoints(directory, model, is_best=is_best)
    for epoch in range(2):
        model.train_step(BATCH)
        checkpoints.on_epoch_end(epoch)
    checkpoints.wait()
    return [weight.numpy().copy() for weight in model.weights]


def test_the_best_epoch_is_kept_at_resumption_where_a_kill_came_before(tmp_path):
    weights = save_two_epochs(tmp_path, is_best=lambda num_epochs, kept: False)
    resumed = build_dcgan()
    checkpoints = Checkpoints(tmp_path, resumed, is_best=every_other_epoch)
    assert checkpoints.best_epoch is None
    assert checkpoints.restore() == (2, 0)
    assert checkpoints.best_epoch == 2
    checkpoints.on_epoch_end(2)
    assert checkpoints.restore_best() == 2
    assert all(map(np.array_equal, weights, resumed.get_weights()))


@pytest.mark.parametrize("num_epochs_kept", [2, 3])
def test_a_damaged_best_epoch_is_set_aside_at_resumption(tmp_path, capsys, num_epochs_kept):
    weights = save_two_epochs(tmp_path)
    path = tmp_path / "best" / "ckpt-2.data-00000-of-00001"
    path.write_bytes(path.read_bytes()[:-9])
    resumed = build_dcgan()
    is_best = {2: every_other_epoch, 3: lambda num_epochs, kept: num_epochs == 3}[num_epochs_kept]
    checkpoints = Checkpoints(tmp_path, resumed, is_best=is_best)
    assert checkpoints.restore() == (2, 0)
    assert "The checkpoint of the best epoch, 2, is damaged (" in capsys.readouterr().err
    assert (tmp_path / "best" / f"damaged-{path.name}").exists()
    assert all(map(np.array_equal, weights, resumed.get_weights()))
    checkpoints.on_epoch_end(2)
    assert checkpoints.restore_best() == num_epochs_kept


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    model = build_dcgan()
    checkpoints = save_after_one_epoch(tmp_path, model)
    model.generator.trainable_variables[0].assign(
        np.full(model.generator.trainable_variables[0].shape, np.nan)
    )
    with pytest.raises(DivergedError, match="generator_dense/kernel is not finite"):
        checkpoints.on_epoch_end(1)
    assert names_of(tmp_path) == {"ckpt-1"}


def test_what_a_full_disk_raises_reaches_the_training(tmp_path, monkeypatch):
    model = build_dcgan()
    checkpoints = save_after_one_epoch(tmp_path, model)

    def fail(self, checkpoint_number):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tf.train.CheckpointManager, "save", fail)
        checkpoints.on_epoch_end(1)
        with pytest.raises(tf.errors.ResourceExhaustedError, match="No space left"):
            checkpoints.wait()
    assert Checkpoints(tmp_path, build_dcgan()).restore() == (1, 0)
