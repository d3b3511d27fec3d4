"""The Inception Score's formula on any classifier: high for pictures that are recognisable and varied.

Sources:
    [IS] Salimans et al. 2016, arXiv 1606.03498, section 4. Only the score on one particular Inception network
    may be called Inception Score.
"""

import numpy as np


def inception_score_on_classifier(probabilities) -> float:
    """Returns `exp(E KL(p(y|x) || p(y)))` over all pictures together; [IS] splits them into ten parts.

    Args:
        probabilities: float array `[N, K]` whose rows sum to 1.

    Returns:
        A number without unit, from 1 (equal probabilities for all pictures) to K (each picture certain, all
        values equally frequent).

    Raises:
        ValueError: The rank of `probabilities` is not 2.

    Example:

    >>> round(inception_score_on_classifier([[1.0, 0.0], [0.0, 1.0]]), 6)
    2.0
    """
    probabilities = np.asarray(probabilities, "float64")
    if probabilities.ndim != 2:
        raise ValueError(
            "`probabilities` must have one row per picture and one column per value. "
            f"Received: shape={probabilities.shape}."
        )
    mean = probabilities.mean(axis=0)
    # 0 log 0 is 0.
    ratio = np.where(probabilities > 0.0, probabilities, 1.0) / np.where(mean > 0.0, mean, 1.0)
    divergence = np.where(probabilities > 0.0, probabilities * np.log(ratio), 0.0).sum(axis=1)
    return float(np.exp(divergence.mean()))
