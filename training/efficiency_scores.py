"""What one answer of a model costs, measured on the call that serves it."""

import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from training.efficiency import (
    BATCH_SIZES,
    count_flops,
    count_parameters,
    measure_peak_memory,
    measure_speed,
)
from training.findings import Findings
from training.score import Score
from zoo.pictures import pixels

LOW_RES_SIDE = 64


def score_efficiency(model) -> Findings:
    """Measures parameters, operations, latency, pictures a second and peak memory of a model's answer.

    Args:
        model: A model of the zoo. A generator decodes; a conditional VAE encodes and decodes; a
            super-resolution model enlarges a grey picture of 64 x 64; a classifier judges.

    Returns:
        The scores. Times hold for this machine and what else it did.
    """
    call, make_inputs, what = answer_of(model)
    one = [tf.TensorSpec(part.shape, part.dtype) for part in make_inputs(1)]
    device = _device()
    scores = {
        "parameters": Score(count_parameters(call, *one), "weights", 1, what),
        "flops_per_image": Score(count_flops(call, *one), "operations", 1, what),
    }
    for batch_size in BATCH_SIZES:
        speed = measure_speed(call, make_inputs, batch_size)
        measured_with = f"{what}, {device}"
        scores[f"latency_seconds_batch_{batch_size}"] = Score(
            speed.latency_seconds, "seconds", speed.num_calls, measured_with
        )
        scores[f"images_per_second_batch_{batch_size}"] = Score(
            speed.images_per_second, "pictures/s", speed.num_calls, measured_with
        )
    inputs = make_inputs(BATCH_SIZES[-1])
    compiled = tf.function(call, autograph=False)
    peak = measure_peak_memory(lambda: np.asarray(compiled(*inputs)))
    measured_with = f"whole process, batch {BATCH_SIZES[-1]}, {device}"
    scores["peak_memory_bytes"] = Score(peak, "bytes", 1, measured_with)
    return Findings(scores)


def answer_of(model) -> tuple[Callable, Callable, str]:
    """Returns the call that answers, a function that makes its inputs for a batch size, and what it does."""
    if hasattr(model, "upscale_factor"):

        def make_pictures(batch_size):
            return (tf.zeros((batch_size, LOW_RES_SIDE, LOW_RES_SIDE, 1), "uint8"),)

        def upscale(raw_images):
            return pixels.round_to_uint8(model(raw_images))

        return upscale, make_pictures, f"enlarging {LOW_RES_SIDE} x {LOW_RES_SIDE}"

    def make_squares(batch_size):
        shape = (batch_size, model.image_size, model.image_size, model.channels)
        return (tf.zeros(shape, "uint8"), tf.zeros(batch_size, "int32"))

    def make_latents(batch_size):
        return (tf.zeros((batch_size, model.latent_dim)), tf.zeros(batch_size, "int32"))

    def ids(value_ids):
        return dict.fromkeys(model.attributes, value_ids)

    def edit(raw_images, value_ids):
        edited = model.edit(raw_images, ids(value_ids), ids(value_ids))
        return pixels.from_model_range(edited, model.pixel_range)

    def generate(latents, value_ids):
        return pixels.from_model_range(model(latents, ids(value_ids)), model.pixel_range)

    def judge(raw_images):
        return tf.concat(list(model.judge(raw_images).values()), axis=1)

    if hasattr(model, "encode"):
        return edit, make_squares, "encoding and decoding"
    if hasattr(model, "judge"):
        return judge, lambda batch_size: make_squares(batch_size)[:1], "judging"
    return generate, make_latents, "generating"


def _device() -> str:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "a GPU")
    return f"{os.cpu_count()} CPU cores, float32"
