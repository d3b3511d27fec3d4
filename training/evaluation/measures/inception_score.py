"""How sure a classifier is of each picture, and of how many kinds the pictures are.

Sources:
    [IS] Salimans et al. 2016, arXiv 1606.03498, section 4. The Inception Score is that of one Inception
    network; on another classifier it must not be called so.
"""

import numpy as np


def inception_score_on_classifier(probabilities) -> float:
    """Returns `exp(E KL(p(y|x) || p(y)))` over all pictures at once ([IS] splits them into ten parts).

    Args:
        probabilities: float array `[N, K]`, each row's sum 1.

    Returns:
        A number without unit from 1 (every picture judged alike) to K (each sure, all values equally often).

    Raises:
        ValueError: `probabilities` has another rank.

    Example:

    >>> round(inception_score_on_classifier([[1.0, 0.0], [0.0, 1.0]]), 6)
    2.0
    """
    probabilities = np.asarray(probabilities, "float64")
    if probabilities.ndim != 2:
        raise ValueError(
            "`probabilities` must have a row a picture and a column a value. "
            f"Received: shape={probabilities.shape}."
        )
    mean = probabilities.mean(axis=0)
    # 0 log 0 is 0.
    ratio = np.where(probabilities > 0.0, probabilities, 1.0) / np.where(mean > 0.0, mean, 1.0)
    divergence = np.where(probabilities > 0.0, probabilities * np.log(ratio), 0.0).sum(axis=1)
    return float(np.exp(divergence.mean()))
