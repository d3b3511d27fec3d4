"""What a judge takes for what, counted on the pictures of a data set."""

import numpy as np

from training.attribute_recipe import make_attribute_batches


def count_confusions(judge, config, data_set, split: str) -> dict[str, np.ndarray]:
    """Counts for every pair of values how many pictures of one are judged to be the other.

    Args:
        judge: Has `attributes` and `judge`, which gives the probabilities of uint8 pictures.
        config: Says the size of the pictures and of the batches.
        data_set: Where the pictures come from.
        split: Split they come from.

    Returns:
        For each attribute an int64 array `[K, K]`: row, the true class id; column, the most probable one.
        Pictures of an unknown value are left out.
    """
    counts = {name: np.zeros([len(values)] * 2, "int64") for name, values in judge.attributes.items()}
    for raw_images, attribute_ids in make_attribute_batches(config, data_set, split):
        for name, probabilities in judge.judge(raw_images).items():
            true_ids = attribute_ids[name].numpy()
            judged_ids = np.argmax(probabilities.numpy(), axis=-1)
            is_known = true_ids >= 0
            np.add.at(counts[name], (true_ids[is_known], judged_ids[is_known]), 1)
    return counts


def accuracy_of_each_value(values, counts: np.ndarray) -> dict[str, float]:
    """Returns the share of the pictures of each value that are judged right.

    Args:
        values: The K values of an attribute.
        counts: Of `count_confusions`, `[K, K]`.

    Returns:
        Shares in [0, 1] by value; values without a picture are left out.

    Example:

    >>> accuracy_of_each_value(["bag", "hat", "shoe"], np.array([[3, 1, 0], [0, 0, 0], [0, 0, 2]]))
    {'bag': 0.75, 'shoe': 1.0}
    """
    totals = counts.sum(axis=1)
    return {
        value: float(counts[row, row] / totals[row]) for row, value in enumerate(values) if totals[row] > 0
    }
