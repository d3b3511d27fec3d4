"""Measures training speed on the CPU: the zoo's models, the same networks in plain Keras, and in PyTorch.

Run it as `python tests/benchmarks/training_speed.py --output FILE.json`. All rates are training images per
second on Fashion-MNIST at the recipes' defaults; for SRCNN, patches per second. It measures:

- ours: the training of `zoo train` under `--precision auto` and under float32, with
  `MAX_STEPS_PER_EXECUTION` steps in one call of the compiled function;
- plain Keras: the same networks of Keras' own layers on the same batches, in `fit` with Keras' defaults,
  float32 and one step per call, with the training step that a reader of Keras' guides writes: for DCGAN
  `PlainGAN` of `tests/benchmarks/plain_keras.py`. Unlike Keras' default, which may choose XLA, XLA is off: on
  CPUs it made these convolutions up to 4.5 times slower (`training/loop/precision.py`), so without it the
  baseline is stronger;
- PyTorch: the same networks and losses (`torch_networks.py`) in float32 and, if the CPU has bfloat16, under
  `torch.autocast`, with as many threads as cores. Batches are drawn from uint8 tensors in memory. Skipped if
  PyTorch is not installed, because the project does not need it;
- loop overhead: the percentage of an epoch of `zoo train`, with all its logging and monitoring, that is spent
  outside calls of the compiled step. It is measured afterwards and excludes the work after the epoch
  (validation, sample sheets, a checkpoint). Waiting for the input pipeline happens inside the step and counts
  as part of it.

All but the overhead take turns, in rounds, so that other load on the machine affects each of them; rates
derive from the median over rounds of the seconds per step. Steps that trace and compile are not counted. Only
ratios within one run are meaningful, and PyTorch's only on an idle machine: its threads wait for each other
at every layer, so other load slows it down more than TensorFlow.

Deliberate differences: ours also tracks gradient norms and, in DCGAN, an averaged generator, which no
baseline does. Plain DCGAN makes two updates, each from its own forward passes; PyTorch's makes both from one,
as ours does. Under autocast all layers are bfloat16, while ours keeps the layers that return pictures,
latents and logits in float32.
"""

import argparse
import contextlib
import functools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# TensorFlow and `auto` must not find a GPU that PyTorch is not measured on.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
for folder in (Path(__file__).parents[2], Path(__file__).parent):
    sys.path.insert(0, str(folder))

import keras  # noqa: E402 - after the path is set
import numpy as np  # noqa: E402
import plain_keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from training.data.data_sets import load_data_set  # noqa: E402
from training.loop.new_config import make_config  # noqa: E402
from training.loop.precision import resolve_jit, resolve_precision  # noqa: E402
from training.loop.session import MAX_STEPS_PER_EXECUTION  # noqa: E402
from training.loop.trainer import start_training  # noqa: E402
from training.preset_making.hardware import describe_hardware  # noqa: E402
from training.recipes.base.registry import RECIPES  # noqa: E402
from zoo.attributes.vocabulary import one_hot_conditions  # noqa: E402
from zoo.layers.subpixels import bicubic_subpixels, to_picture  # noqa: E402
from zoo.pictures import pixels  # noqa: E402
from zoo.super_resolution.super_resolution import pad_by_repeating  # noqa: E402

FLOAT32 = "float32"
NUM_UNCOUNTED_CALLS = plain_keras.NUM_WARMUP_STEPS // MAX_STEPS_PER_EXECUTION
COLUMNS = (
    ("model", "model"),
    ("precision", "precision"),
    ("ours_images_per_second", "ours images/s"),
    ("plain_keras_images_per_second", "plain Keras"),
    ("ours_to_plain_keras", "ratio"),
    ("pytorch_images_per_second", "PyTorch same precision"),
    ("ours_to_pytorch", "ratio"),
    ("loop_overhead_percent", "loop overhead %"),
)


class PlainVAE(keras.Model):
    """Trains the networks of a `ConditionalVAE` as Keras' VAE example does, with its attribute head."""

    def __init__(self, vae):
        super().__init__()
        self.vae = vae
        self.features = plain_keras.in_plain_keras(vae.features)
        self.decoder = plain_keras.in_plain_keras(vae.decoder)
        vae.features.trainable = vae.decoder.trainable = False
        self.attribute_loss_function = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.trackers = [
            keras.metrics.Mean(name) for name in ("loss", "reconstruction_loss", "kl_loss", "attribute_loss")
        ]
        self.built = True

    def train_step(self, data):
        raw_images, attribute_ids = data
        vae = self.vae
        images = pixels.to_model_range(raw_images, vae.pixel_range)
        conditions = one_hot_conditions(vae.attributes, attribute_ids)
        with tf.GradientTape() as tape:
            features = self.features(images, training=True)
            mean, log_variance = vae.posterior([features, conditions], training=True)
            latents = mean + tf.exp(0.5 * log_variance) * keras.random.normal(tf.shape(mean))
            logits = self.decoder([latents, conditions], training=True)
            attribute_logits = vae.attribute_head(features, training=True)
            pixel_losses = keras.losses.binary_crossentropy(images, logits, from_logits=True)
            reconstruction_loss = tf.reduce_mean(tf.reduce_sum(pixel_losses, axis=(1, 2)))
            kl_losses = -0.5 * (1.0 + log_variance - tf.square(mean) - tf.exp(log_variance))
            kl_loss = tf.reduce_mean(tf.reduce_sum(kl_losses, axis=1))
            attribute_loss = self.attribute_loss_function(attribute_ids["category"], attribute_logits)
            loss = reconstruction_loss + vae.kl_weight * kl_loss + vae.attribute_weight * attribute_loss
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        losses = (loss, reconstruction_loss, kl_loss, attribute_loss)
        for tracker, value in zip(self.trackers, losses, strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}


class PlainSRCNN(keras.Model):
    """Trains an `SRCNN`'s network by the mean squared error, on the same bicubic images."""

    def __init__(self, srcnn):
        super().__init__()
        self.srcnn = srcnn
        self.network = plain_keras.in_plain_keras(srcnn.network)
        srcnn.network.trainable = False
        self.loss_tracker = keras.metrics.Mean("loss")
        self.built = True

    def train_step(self, data):
        low_res_images, high_res_images = data
        factor = self.srcnn.upscale_factor
        targets = tf.cast(high_res_images, "float32") / 255.0
        interpolated = to_picture(bicubic_subpixels(low_res_images, factor), factor) / 255.0
        with tf.GradientTape() as tape:
            refined = self.network(pad_by_repeating(interpolated, self.srcnn.margin), training=True)
            loss = tf.reduce_mean(tf.square(targets - refined))
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}


PLAIN_MODELS = {"dcgan": plain_keras.PlainGAN, "conditional_vae": PlainVAE, "srcnn": PlainSRCNN}


def build_ours(config, data_set) -> keras.Model:
    """Returns the model as `zoo train` compiles it."""
    recipe = RECIPES[config.model]
    model = recipe.build_model(config, data_set)
    recipe.compile_model(
        model, config, jit_compile=resolve_jit(config.jit), steps_per_execution=MAX_STEPS_PER_EXECUTION
    )
    return model


def build_plain(config, data_set) -> keras.Model:
    """Returns the same networks with the plain training step; `config` is that of float32."""
    plain = PLAIN_MODELS[config.model](RECIPES[config.model].build_model(config, data_set))
    if isinstance(plain, plain_keras.PlainGAN):
        plain.compile(jit_compile=False)  # has its two optimizers
    else:
        plain.compile(optimizer=keras.optimizers.Adam(config.learning_rate), jit_compile=False)
    return plain


class OverheadClock(keras.callbacks.Callback):
    """Measures the share of time spent outside the compiled step, after the first executions."""

    def __init__(self):
        super().__init__()
        self._calls = []

    def on_train_begin(self, logs=None):
        self._function = self.model.train_function
        self.model.train_function = self._timed

    def on_train_end(self, logs=None):
        self.model.train_function = self._function

    @property
    def overhead(self) -> float:
        calls = self._calls[NUM_UNCOUNTED_CALLS:]
        inside = sum(end - start for start, end in calls)
        return 1.0 - inside / (calls[-1][1] - self._calls[NUM_UNCOUNTED_CALLS - 1][1])

    def _timed(self, iterator):
        start = time.perf_counter()
        logs = self._function(iterator)
        self._calls.append((start, time.perf_counter()))
        return logs


def overhead_of_training(model_name: str, precision: str, data_dir: str | None) -> float:
    """Returns the share of an epoch of `zoo train` that is spent outside the compiled step."""
    changes = {"precision": precision, "data_dir": data_dir, "epochs": 1}
    clock = OverheadClock()
    with tempfile.TemporaryDirectory() as runs_dir, contextlib.redirect_stdout(sys.stderr):
        start_training(make_config(model_name, None, changes)[0], Path(runs_dir), callbacks=[clock])
    return clock.overhead


def import_torch():
    """Returns the module `torch_networks` with its threads set, or None if PyTorch cannot be imported."""
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a shared library is missing
        print(f"PyTorch is skipped, because it cannot be imported: {error}. Install it: pip install torch.")
        return None
    import torch_networks

    torch.set_num_threads(num_cores())
    return torch_networks


def num_cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def make_turns(model_name: str, data_dir: str | None, torch_networks) -> dict[str, Callable[[int], float]]:
    """Builds all measured variants of one model.

    Args:
        model_name: `dcgan`, `conditional_vae` or `srcnn`.
        data_dir: Directory of prepared data sets; None for the default one.
        torch_networks: The module, or None.

    Returns:
        `KIND PRECISION` to a function that runs a given number of steps and returns seconds per step.
    """
    recipe = RECIPES[model_name]
    configs = {
        precision: make_config(model_name, None, {"precision": precision, "data_dir": data_dir})[0]
        for precision in _precisions()
    }
    config = configs[FLOAT32]
    data_set = load_data_set(config.dataset, config.data_dir)
    batches = recipe.make_training_batches(config, data_set, first_step=0)
    fit_seconds_per_step = plain_keras.seconds_per_step
    models = {precision: build_ours(own, data_set) for precision, own in configs.items()}
    turns = {}
    for precision, model in models.items():
        turns[f"ours {precision}"] = functools.partial(fit_seconds_per_step, model, batches)
    plain = build_plain(config, data_set)
    turns[f"plain_keras {FLOAT32}"] = functools.partial(fit_seconds_per_step, plain, batches)
    if torch_networks is None:
        return turns
    num_batches = data_set.num_images["train"] // config.batch_size
    torch_batches = torch_networks.endless_batches(_read_arrays(batches, num_batches), config.batch_size)
    for precision, model in models.items():
        training = torch_networks.TORCH_TRAININGS[model_name](model, config.learning_rate, precision)
        turns[f"pytorch {precision}"] = functools.partial(
            torch_networks.torch_seconds_per_step, training, torch_batches
        )
    return turns


def _precisions() -> list[str]:
    """Returns the precision that `auto` chooses here, and float32 if that differs."""
    return list(dict.fromkeys([resolve_precision("auto")[0], FLOAT32]))


def _read_arrays(batches: tf.data.Dataset, num_batches: int) -> list[np.ndarray]:
    """Reads one pass of the training split: images, and their categories or full-resolution images."""
    images, seconds = [], []
    for image_batch, second in batches.take(num_batches).as_numpy_iterator():
        images.append(image_batch)
        seconds.append(second["category"] if isinstance(second, dict) else second)
    return [np.concatenate(images), np.concatenate(seconds)]


def measure_in_turns(
    turns: Mapping[str, Callable[[int], float]], num_steps: int, num_rounds: int
) -> dict[str, list[float]]:
    """Returns each round's seconds per step, by the names of `turns`; an extra first round is not counted."""
    for run in turns.values():
        run(MAX_STEPS_PER_EXECUTION)  # traces and compiles
    seconds = {name: [] for name in turns}
    for _ in range(num_rounds):
        for name, run in turns.items():
            seconds[name].append(run(num_steps))
    return seconds


def make_rows(
    model_name: str, seconds: Mapping[str, list[float]], overheads: Mapping[str, float]
) -> list[dict]:
    """Returns one table row per precision, by the keys of `COLUMNS`; None for figures not measured."""
    rate = {
        name: RECIPES[model_name].batch_size / statistics.median(rounds) for name, rounds in seconds.items()
    }
    rows = []
    for precision in _precisions():
        ours, plain = rate[f"ours {precision}"], rate[f"plain_keras {FLOAT32}"]
        torch_rate = rate.get(f"pytorch {precision}")
        rows.append(
            {
                "model": model_name,
                "precision": precision,
                "ours_images_per_second": ours,
                "plain_keras_images_per_second": plain,
                "ours_to_plain_keras": ours / plain,
                "pytorch_images_per_second": torch_rate,
                "ours_to_pytorch": torch_rate and ours / torch_rate,
                "loop_overhead_percent": 100.0 * overheads[precision],
            }
        )
    return rows


def print_table(rows: list[dict]) -> None:
    """Prints the result of `make_rows` as a Markdown table."""
    formats = {"images_per_second": ",.0f", "ours_to": ".2f", "loop_overhead": ".1f"}
    print(f"| {' | '.join(title for _, title in COLUMNS)} |")
    print("|---" * len(COLUMNS) + "|")
    for row in rows:
        cells = []
        for key, _ in COLUMNS:
            style = next((text for part, text in formats.items() if part in key), "")
            cells.append("" if row[key] is None else format(row[key], style))
        print(f"| {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(PLAIN_MODELS), help="of: %(default)s")
    parser.add_argument("--steps", type=int, default=400, help="of each training, counted, in all rounds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data-dir", help="directory of prepared data sets")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    model_names = arguments.models.split(",")
    if unknown := set(model_names) - set(PLAIN_MODELS):
        parser.error(f"--models takes {', '.join(PLAIN_MODELS)}. Received also: {', '.join(unknown)}.")

    torch_networks = import_torch()
    # Whole executions, because Keras would run all steps of the last one and count only some.
    executions_per_round = -(-arguments.steps // (arguments.rounds * MAX_STEPS_PER_EXECUTION))
    num_steps = executions_per_round * MAX_STEPS_PER_EXECUTION
    rows, all_seconds = [], {}
    for model_name in model_names:
        turns = make_turns(model_name, arguments.data_dir, torch_networks)
        start = time.perf_counter()
        all_seconds[model_name] = measure_in_turns(turns, num_steps, arguments.rounds)
        overheads = {
            precision: overhead_of_training(model_name, precision, arguments.data_dir)
            for precision in _precisions()
        }
        print(f"{model_name} took {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        rows += make_rows(model_name, all_seconds[model_name], overheads)
    result = {
        "hardware": describe_hardware(),
        "num_cores": num_cores(),
        "load_average": os.getloadavg()[0],
        "versions": {
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "torch": torch_networks and torch_networks.torch.__version__,
        },
        "steps_per_round": num_steps,
        "rounds": arguments.rounds,
        "rows": rows,
        "seconds_per_step": all_seconds,
    }
    print_table(rows)
    versions = ", ".join(f"{name} {version or '(none)'}" for name, version in result["versions"].items())
    print(f"\n{result['hardware']}; {versions}.")
    print(f"Rounds: {arguments.rounds}, of {num_steps} steps each. Load: {result['load_average']:.1f}.")
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
