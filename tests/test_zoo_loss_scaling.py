"""Which optimizers are wrapped for float16."""

import keras
import pytest

from zoo.loss_scaling import with_loss_scaling

LossScaleOptimizer = keras.mixed_precision.LossScaleOptimizer


@pytest.mark.parametrize("compute_dtype", ["float32", "bfloat16"])
def test_dtypes_with_the_range_of_float32_need_no_scaling(compute_dtype):
    optimizer = keras.optimizers.SGD()
    assert with_loss_scaling(optimizer, compute_dtype) is optimizer


def test_float16_wraps_the_optimizer():
    optimizer = keras.optimizers.SGD(0.25)
    wrapped = with_loss_scaling(optimizer, "float16")
    assert isinstance(wrapped, LossScaleOptimizer)
    assert wrapped.inner_optimizer is optimizer


def test_a_wrapped_optimizer_is_not_wrapped_again():
    wrapped = LossScaleOptimizer(keras.optimizers.SGD())
    assert with_loss_scaling(wrapped, "float16") is wrapped


def test_an_optimizer_may_be_a_name():
    assert isinstance(with_loss_scaling("adam", "float32"), keras.optimizers.Adam)
    assert isinstance(with_loss_scaling("adam", "float16").inner_optimizer, keras.optimizers.Adam)
