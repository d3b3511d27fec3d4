"""Builds a run's model: weights to start from, frozen parts, optimizers."""

import click
import keras
import tensorflow as tf

from training.callbacks.picture_quality import quality_metrics
from training.data.data_sets import DataSet
from training.distribution.distribution import Distribution
from training.loop.precision import resolve_jit
from training.loop.session import MAX_STEPS_PER_EXECUTION, count_steps
from training.recipes.base.registry import find_recipe
from training.runs.config import TrainingConfig
from training.trained_model import load_run_or_preset
from training.weights.freezing import freeze_parts
from training.weights.transfer import different_options, transfer_weights


def build_model(
    config: TrainingConfig, data_set: DataSet, distribution: Distribution, is_new: bool
) -> keras.Model:
    """Returns a compiled model whose optimizers are ready to be restored.

    Args:
        config: The run's configuration.
        data_set: What it is trained on.
        distribution: Where its replicas run; call this in its scope.
        is_new: Whether the weights to start from, if any, are taken over, as a resumed run does not.

    Raises:
        MemoryError: The network does not fit into memory.
        UnknownNameError: There is no such part to freeze, or no such metric to stop by.
        ValueError: The weights to start from do not fit.
    """
    recipe = find_recipe(config.model)
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    try:
        model = recipe.build_model(config, data_set)
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError(
            f"The network must fit into memory. Received: {config.model} with {config.model_options}. "
            "Make it smaller."
        ) from error
    if is_new and config.init_from is not None:
        _take_over_weights(config.init_from, model)
    freeze_parts(model, config.freeze)
    steps_per_epoch = count_steps(config, data_set)
    distribution.adapt(model)
    recipe.compile_model(
        model,
        config,
        num_steps=config.epochs * steps_per_epoch,
        jit_compile=resolve_jit(config.jit, is_distributed=distribution.strategy is not None),
        steps_per_execution=min(
            distribution.max_steps_per_execution or MAX_STEPS_PER_EXECUTION, steps_per_epoch
        ),
    )
    if config.stop_rule:
        metrics = [f"val_{metric.name}" for metric in model.metrics]
        config.stop_rule.check([*metrics, *quality_metrics(recipe, config, data_set)])
    if model.optimizer is not None:
        # Keras makes its slots in the first step, which is too late to restore them.
        model.optimizer.build(model.trainable_variables)
    return model


def _take_over_weights(init_from: str, model: keras.Model) -> None:
    source = load_run_or_preset(init_from).model
    transfer = transfer_weights(source, model)
    click.echo(f"Weights of {init_from}: {transfer}", err=True)
    different = different_options(source, model)
    if different:
        click.echo(f"Options that differ: {different}", err=True)
