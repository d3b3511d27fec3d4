"""Trains ARCNN on the photos that `clean` learned from, and scores it as `cleaning.py gains` scores `clean`.

    python tests/benchmarks/arcnn_reference.py --dataset photos_halved --photos DIR --table FILE

Sources:
    [ARCNN] Dong et al. 2015, "Compression Artifacts Reduction by a Deep Convolutional Network": kernels
        9-7-1-5 with 64, 32 and 16 channels; here in RGB, and predicting the change, which trains faster.
"""

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
for folder in (Path(__file__).parents[2], Path(__file__).parent):
    sys.path.insert(0, str(folder))

import keras  # noqa: E402 - after the path is set
import tensorflow as tf  # noqa: E402
from cleaning import QUALITIES, choose, read_halved  # noqa: E402

from training.data.data_sets import load_data_set  # noqa: E402
from training.evaluation.cleanings import score_cleanings  # noqa: E402
from training.input.cleaning_pipeline import make_cleaning_batches  # noqa: E402
from zoo.pictures import pixels  # noqa: E402
from zoo.step.adam import FusedAdam  # noqa: E402

PATCH_SIZE, BATCH_SIZE = 96, 16


@keras.saving.register_keras_serializable("zoo_benchmarks")
class ARCNN(keras.Model):
    """Removes JPEG artifacts; it is told nothing about how bad a photo is."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        convolutions = [(64, 9, "relu"), (32, 7, "relu"), (16, 1, "relu")]
        self.convolutions = [
            keras.layers.Conv2D(
                channels,
                size,
                padding="same",
                activation=activation,
                kernel_initializer="he_normal",
                dtype=self.dtype_policy,
            )
            for channels, size, activation in convolutions
        ]
        # Begins with hardly changing photos.
        start = keras.initializers.RandomNormal(stddev=1e-3)
        self.last = keras.layers.Conv2D(3, 5, padding="same", kernel_initializer=start, dtype="float32")
        self.loss_tracker = keras.metrics.Mean("loss")

    def call(self, raw_images):
        images = tf.cast(raw_images, "float32") / 255.0
        features = images
        for convolution in self.convolutions:
            features = convolution(features)
        return images + self.last(features)

    def clean(self, raw_images):
        """Returns uint8 pictures of the same shape; grey ones stay grey."""
        raw_images = tf.convert_to_tensor(raw_images)
        cleaned = self._clean(
            tf.image.grayscale_to_rgb(raw_images) if raw_images.shape[-1] == 1 else raw_images
        )
        return cleaned[..., :1] if raw_images.shape[-1] == 1 else cleaned

    @tf.function(reduce_retracing=True)
    def _clean(self, raw_images):
        return pixels.round_to_uint8(255.0 * self(raw_images))

    def train_step(self, data):
        raw_images, targets, _ = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.abs(self(raw_images) - tf.cast(targets, "float32") / 255.0))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--precision", default="mixed_bfloat16")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--table", type=Path, help="CSV with the columns image and split")
    parser.add_argument("--split", default="validation")
    parser.add_argument("--count", type=int, default=100, help="photos, drawn with seed 0")
    arguments = parser.parse_args()

    keras.utils.set_random_seed(0)
    data_set = load_data_set(arguments.dataset, arguments.data_dir)
    batches = make_cleaning_batches(
        data_set,
        "train",
        patch_size=PATCH_SIZE,
        batch_size=BATCH_SIZE,
        shuffle=True,
        repeat=True,
        augment=["flip"],
    )
    num_steps = data_set.num_images["train"] // BATCH_SIZE
    model = ARCNN(dtype=arguments.precision)
    model(tf.zeros([1, PATCH_SIZE, PATCH_SIZE, 3], "uint8"))
    schedule = keras.optimizers.schedules.CosineDecay(arguments.learning_rate, arguments.epochs * num_steps)
    model.compile(optimizer=FusedAdam(schedule, global_clipnorm=1.0), jit_compile=False)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`shuffle=True` was passed")
        model.fit(batches, epochs=arguments.epochs, steps_per_epoch=num_steps, verbose=2)
    print(f"ARCNN: {model.count_params():,} weights, {(time.perf_counter() - start) / 60:.1f} minutes")

    answering = ARCNN(dtype="float32")
    answering(tf.zeros([1, PATCH_SIZE, PATCH_SIZE, 3], "uint8"))
    answering.set_weights(model.get_weights())
    findings = score_cleanings(answering, map(read_halved, choose(arguments)), QUALITIES)
    for name, score in findings.scores.items():
        interval = "" if score.interval is None else " ({:.3f} to {:.3f})".format(*score.interval)
        print(f"{name}: {score.value:.3f}{interval} {score.unit}")


if __name__ == "__main__":
    main()
