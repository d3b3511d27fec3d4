"""Trains models for a few steps under a distribution strategy and writes what every step reported.

tests/test_training_distribution_distribution.py runs it in processes of its own:

    python tests/support/replica_training.py none|mirrored|multi_worker RESULTS.json MODEL...
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from attribute_batches import ATTRIBUTES

from training.distribution.distribution import make_distribution
from zoo.classifier import Classifier
from zoo.conditional_vae.conditional_vae import ConditionalVAE
from zoo.dcgan.dcgan import DCGAN
from zoo.super_resolution.srcnn import SRCNN

NUM_STEPS, BATCH_SIZE = 12, 8
MODELS = {
    "classifier": lambda: Classifier(ATTRIBUTES, width=4),
    "conditional_vae": lambda: ConditionalVAE(
        ATTRIBUTES, width=4, kl_warm_up_steps=6, edit_weight=5.0, independence_weight=10.0, keep_detail=True
    ),
    "dcgan": lambda: DCGAN(
        ATTRIBUTES,
        width=4,
        depth=1,
        diff_augment=("colour", "translation", "cutout"),
        r1_weight=1.0,
        classification_weight=1.0,
        discriminator_steps=2,
    ),
    "dcgan_wasserstein": lambda: DCGAN(ATTRIBUTES, width=4, loss="wasserstein_gp", spectral_norm=True),
    "srcnn": lambda: SRCNN(upscale_factor=2, is_residual=True),  # FSRCNN and ECBSR have its training step
}


class Losses(keras.callbacks.Callback):
    """Records the metrics that every step reports, which are means since the first step."""

    def __init__(self):
        super().__init__()
        self.values = []

    def on_train_batch_end(self, batch, logs=None):
        self.values.append({name: float(value) for name, value in logs.items()})


def make_batches(name):
    """Returns noise whose rows differ in their attributes."""
    random = np.random.default_rng(0)
    count = NUM_STEPS * BATCH_SIZE
    if "srcnn" in name:
        high_res_images = random.integers(0, 256, (count, 16, 16, 3), dtype="uint8")
        arrays = (high_res_images[:, ::2, ::2], high_res_images)
    else:
        ids = {key: random.integers(-1, len(values), count) for key, values in ATTRIBUTES.items()}
        arrays = (random.integers(0, 256, (count, 28, 28, 1), dtype="uint8"), ids)
    return tf.data.Dataset.from_tensor_slices(arrays).batch(BATCH_SIZE, drop_remainder=True)


def main(where: str, results: Path, names: list[str]) -> None:
    """Writes each model's reported metrics, evaluation scores and sum of weights."""
    if where == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    # Optimising the graphs takes longer than these few steps on tiny networks save.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    distribution = make_distribution(where, peer_timeout_seconds=60)
    found = {}
    for name in names:
        keras.utils.set_random_seed(0)
        with distribution.scope():
            model = MODELS[name]()
            # Synchronised batch norm rounds means and squares differently, even on one replica, and Adam
            # amplifies the difference.
            rate = 1e-4 if name == "classifier" else 1e-3
            optimizers = [keras.optimizers.Adam(rate) for _ in range(1 + isinstance(model, DCGAN))]
            model.compile(*optimizers, jit_compile=False)
            if len(optimizers) == 1:
                model.optimizer.build(model.trainable_variables)
        distribution.adapt(model)
        losses = Losses()
        model.fit(
            distribution.split_rows(make_batches(name).repeat()),
            steps_per_epoch=NUM_STEPS,
            callbacks=[losses],
            verbose=0,
        )
        # The last batch is odd: every replica gets all of it.
        rest = make_batches(name).unbatch().take(BATCH_SIZE + 3).batch(BATCH_SIZE)
        scores = model.evaluate(distribution.repeat_for_replicas(rest), verbose=0, return_dict=True)
        found[name] = {
            "losses": losses.values,
            "scores": {key: float(value) for key, value in scores.items()},
            "weights": [float(np.abs(weight.numpy().astype("float64")).sum()) for weight in model.weights],
            "num_replicas": distribution.num_replicas,
        }
    results.write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
