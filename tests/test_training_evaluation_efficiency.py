"""Operations counted by hand; time and memory measured for plausibility."""

import numpy as np
import pytest
import tensorflow as tf

from training.evaluation.efficiency import count_flops, measure_peak_memory, measure_speed
from zoo.super_resolution.srcnn import SRCNN


def test_operations_of_srcnn_9_1_5():
    # 32 x 32 without padding: 24 x 24 after 9 x 9, the same after 1 x 1, 20 x 20 after 5 x 5, which is
    # computed for 5 x 5 blocks of 16 pixels from the 8 x 8 below each. A product and its sum are two
    # operations; each result has its bias added.
    products = 24 * 24 * (9 * 9 * 64 + 64 * 32) + 5 * 5 * (8 * 8 * 32 * 16)
    biases = 24 * 24 * (64 + 32) + 20 * 20
    network = SRCNN().network
    assert count_flops(network, tf.TensorSpec((1, 32, 32, 1))) == 2 * products + biases
    assert count_flops(network, tf.TensorSpec((3, 32, 32, 1))) == 3 * (2 * products + biases)


def test_operations_of_a_transposed_convolution():
    # Each of the 4 x 4 pixels is multiplied with a 4 x 4 kernel.
    kernel = tf.ones((4, 4, 2, 3))  # to 2 channels from 3

    def upsample(images):
        return tf.nn.conv2d_transpose(images, kernel, (1, 8, 8, 2), 2)

    assert count_flops(upsample, tf.TensorSpec((1, 4, 4, 3))) == 2 * 4 * 4 * 4 * 4 * 2 * 3


def test_speed_is_pictures_over_latency():
    speed = measure_speed(lambda x: x + 1.0, lambda batch_size: (tf.zeros((batch_size, 4)),), 8)
    assert speed.batch_size == 8
    assert speed.latency_seconds > 0
    assert speed.images_per_second == pytest.approx(8 / speed.latency_seconds)
    assert speed.num_calls >= 3


def test_peak_memory_holds_what_a_call_took():
    before = measure_peak_memory(lambda: None)
    during = measure_peak_memory(lambda: np.ones(50_000_000, "uint8").sum())
    assert during - before > 40_000_000
    # It has been given back: the earlier peak is forgotten.
    assert measure_peak_memory(lambda: None) - before < 40_000_000
