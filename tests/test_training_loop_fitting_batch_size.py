"""The batch size that fits into memory, with a model of limited capacity."""

import pytest
import tensorflow as tf

from training.loop.fitting_batch_size import find_fitting_batch_size


class Hungry:
    """A model whose steps fit into memory up to a number of pictures."""

    def __init__(self, num_pictures):
        self.num_pictures = num_pictures
        self.tried = []

    def make_train_function(self, force):
        assert force
        self.train_function = self.step

    def step(self, batches):
        (batch_size,) = tf.shape(next(batches)).numpy()
        self.tried.append(batch_size)
        if batch_size > self.num_pictures:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")


@pytest.mark.parametrize(
    ("num_pictures", "tried", "fitting"),
    [(99, [50], 50), (49, [50, 25], 25), (7, [50, 25, 12, 6], 6), (0, [50, 25, 12, 6, 3, 1], None)],
)
def test_the_largest_half_that_fits_is_found(num_pictures, tried, fitting):
    model = Hungry(num_pictures)
    assert find_fitting_batch_size(model, lambda size: [tf.zeros([size])], 100) == fitting
    assert model.tried == tried
    assert model.steps_per_execution == 1


def test_another_error_is_not_taken_for_one_of_memory():
    with pytest.raises(ZeroDivisionError):
        find_fitting_batch_size(Hungry(1), lambda size: 1 // 0, 2)
