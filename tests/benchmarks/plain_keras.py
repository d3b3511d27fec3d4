"""The baseline of speed benchmarks: networks in plain Keras layers, a plain GAN step, and a step clock."""

import time
import warnings

import keras
import tensorflow as tf

from training.loop.session import MAX_STEPS_PER_EXECUTION
from zoo.attributes.vocabulary import one_hot_conditions
from zoo.layers.batch_norm import BatchNorm
from zoo.layers.narrow_convolutions import NarrowConv2D
from zoo.layers.narrow_deconvolution import NarrowConv2DTranspose
from zoo.layers.strided_convolutions import StridedConv2D, StridedConv2DTranspose
from zoo.pictures import pixels

BATCH_SIZE = 64
NUM_WARMUP_STEPS = 2 * MAX_STEPS_PER_EXECUTION


def in_plain_keras(network: keras.Model) -> keras.Model:
    """Copies a network and its weights, with Keras' own layers in place of the zoo's faster ones.

    Args:
        network: Functional model.
    """

    layers = keras.layers
    strided = {StridedConv2D: layers.Conv2D, StridedConv2DTranspose: layers.Conv2DTranspose}

    def copy_layer(layer):
        if not isinstance(layer, layers.Layer):  # an operation of `keras.ops`
            return layer.__class__.from_config(layer.get_config())
        config = {"name": layer.name, "dtype": layer.dtype_policy}
        if isinstance(layer, NarrowConv2D):
            return layers.Conv2D(layer.filters, layer.kernel_size, padding=layer.padding, **config)
        if isinstance(layer, NarrowConv2DTranspose):
            return layers.Conv2DTranspose(
                layer.filters, layer.kernel_size, layer.upscale_factor, "same", **config
            )
        if isinstance(layer, BatchNorm):
            return layers.BatchNormalization.from_config(layer.get_config())
        if type(layer) in strided:
            config["use_bias"] = layer.use_bias
            return strided[type(layer)](layer.filters, layer.kernel_size, layer.strides, "same", **config)
        return layer.__class__.from_config(layer.get_config())

    copy = keras.models.clone_model(network, clone_function=copy_layer)
    copy.set_weights(network.get_weights())
    return copy


class PlainGAN(keras.Model):
    """Trains the networks of a `DCGAN` as Keras' GAN guide does."""

    def __init__(self, dcgan):
        super().__init__()
        self.dcgan = dcgan
        self.generator = in_plain_keras(dcgan.generator)
        self.discriminator = in_plain_keras(dcgan.discriminator)
        self.loss_function = keras.losses.BinaryCrossentropy(from_logits=True)
        self.discriminator_loss_tracker = keras.metrics.Mean("discriminator_loss")
        self.generator_loss_tracker = keras.metrics.Mean("generator_loss")
        self.built = True

    def compile(self, **kwargs):
        super().compile(optimizer=None, **kwargs)
        self.discriminator_optimizer = keras.optimizers.Adam(2e-4, beta_1=0.5)
        self.generator_optimizer = keras.optimizers.Adam(2e-4, beta_1=0.5)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)
        self.generator_optimizer.build(self.generator.trainable_variables)

    def train_step(self, data):
        raw_images, attribute_ids = data
        real_images = pixels.to_model_range(raw_images, pixels.SYMMETRIC_RANGE)
        conditions = one_hot_conditions(self.dcgan.attributes, attribute_ids)
        batch_size = tf.shape(raw_images)[0]

        latents = keras.random.normal((batch_size, self.dcgan.latent_dim))
        generated_images = self.generator([latents, conditions], training=True)
        images = tf.concat([generated_images, real_images], axis=0)
        labels = tf.concat([tf.zeros((batch_size, 1)), tf.ones((batch_size, 1))], axis=0)
        with tf.GradientTape() as tape:
            logits = self.discriminator([images, tf.tile(conditions, [2, 1])], training=True)
            discriminator_loss = self.loss_function(labels, logits)
        variables = self.discriminator.trainable_variables
        self.discriminator_optimizer.apply(tape.gradient(discriminator_loss, variables), variables)

        latents = keras.random.normal((batch_size, self.dcgan.latent_dim))
        with tf.GradientTape() as tape:
            generated_images = self.generator([latents, conditions], training=True)
            logits = self.discriminator([generated_images, conditions], training=True)
            generator_loss = self.loss_function(tf.ones((batch_size, 1)), logits)
        variables = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(generator_loss, variables), variables)

        self.discriminator_loss_tracker.update_state(discriminator_loss)
        self.generator_loss_tracker.update_state(generator_loss)
        return {
            "discriminator_loss": self.discriminator_loss_tracker.result(),
            "generator_loss": self.generator_loss_tracker.result(),
        }


class StepClock(keras.callbacks.Callback):
    """Measures the time per step after the first executions, which compile; put it before other callbacks."""

    def __init__(self):
        super().__init__()
        self._ends = []

    def on_train_batch_end(self, batch, logs=None):
        self._ends.append((batch, time.perf_counter()))

    @property
    def step_seconds(self) -> float:
        first_step, first = next(end for end in self._ends if end[0] >= NUM_WARMUP_STEPS - 1)
        last_step, last = self._ends[-1]
        return (last - first) / (last_step - first_step)


def seconds_per_step(model, batches, num_steps: int) -> float:
    """Measures `fit` without its first executions.

    Args:
        model: A compiled model.
        batches: Endless batches.
        num_steps: Number of measured steps.

    Returns:
        Seconds per step.
    """
    clock = StepClock()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`shuffle=True` was passed")
        model.fit(batches, steps_per_epoch=num_steps + NUM_WARMUP_STEPS, verbose=0, callbacks=[clock])
    return clock.step_seconds
