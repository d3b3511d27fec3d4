"""Loss scaling for models with optimizers that Keras does not know about.

Sources:
    [Mixed] Micikevicius et al. 2017, arXiv 1710.03740: dynamic loss scaling.
"""

import keras


def with_loss_scaling(optimizer, compute_dtype: str) -> keras.optimizers.Optimizer:
    """Returns the optimizer, wrapped in `LossScaleOptimizer` if the model computes in float16.

    `keras.Model.compile` wraps only `self.optimizer`; a model with two optimizers must wrap its own. The
    caller scales each loss with `optimizer.scale_loss` inside the tape and applies the gradients with
    `optimizer.apply`, which unscales them and skips steps with infinite gradients.

    Args:
        optimizer: Keras optimizer or its name.
        compute_dtype: The model's compute dtype, e.g. `"float16"`.

    Returns:
        A Keras optimizer.

    Example:

    >>> type(with_loss_scaling("adam", "float16")).__name__
    'LossScaleOptimizer'
    """
    optimizer = keras.optimizers.get(optimizer)
    if compute_dtype != "float16" or isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
        return optimizer
    return keras.mixed_precision.LossScaleOptimizer(optimizer)
