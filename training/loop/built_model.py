"""Builds a run's model: loads the weights to start from, freezes parts and sets the optimizers."""

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
    """Builds and compiles a model, including its optimizers' variables, ready to restore a checkpoint.

    Args:
        config: The run's configuration.
        data_set: The data set to train on.
        distribution: Where the replicas run; call this function in its scope.
        is_new: Whether to load the weights to start from, if any; a resumed run does not.

    Raises:
        MemoryError: The network does not fit into memory.
        UnknownNameError: A part to freeze or the early-stopping metric does not exist.
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
            "Choose a smaller network."
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
        # Keras names a metric twice where a model has its own mean of the loss.
        metrics = dict.fromkeys(f"val_{metric.name}" for metric in model.metrics)
        config.stop_rule.check([*metrics, *quality_metrics(recipe, config, data_set)])
    if model.optimizer is not None:
        # Keras makes the optimizer's slots in the first step, too late to restore them.
        model.optimizer.build(model.trainable_variables)
    return model


def _take_over_weights(init_from: str, model: keras.Model) -> None:
    trained = load_run_or_preset(init_from)
    source = trained.recipe.to_train(trained.model)
    transfer = transfer_weights(source, model)
    click.echo(f"Weights of {init_from}: {transfer}", err=True)
    different = different_options(source, model)
    if different:
        click.echo(f"Options that differ: {different}", err=True)
