"""`zoo train MODEL`."""

import csv
import dataclasses
import inspect
from pathlib import Path

import click

from training.config import LARGEST_SEED
from training.model_flags import MODEL_OPTIONS
from training.run_control import RunControl, parse_profile_steps
from zoo.cli import ZooCommand
from zoo.errors import UnknownNameError


def _to_selection(context, parameter, texts):
    selection = {}
    for text in texts:
        name, _, values = text.partition("=")
        # As in a table: a value with a comma stands in quotation marks.
        rows = csv.reader(values.splitlines(), skipinitialspace=True)
        values = [value.strip() for row in rows for value in row]
        if not (name.strip() and any(values)):
            raise click.BadParameter(f"A selection is NAME=VALUE,VALUE. Received: {text!r}.")
        selection.setdefault(name.strip(), []).extend(values)
    return selection or None


def _model_options(function):
    for flag, name, value_type, text in reversed(MODEL_OPTIONS):
        function = click.option(flag, name, type=value_type, default=None, help=text)(function)
    return function


@click.command(
    cls=ZooCommand, uses_tensorflow=True, example="zoo train dcgan --dataset fashion_mnist --epochs 5"
)
@click.argument("model", required=False)
@click.option("--dataset", default=None, help="Name of a data set.  [default: fashion_mnist]")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Directory of prepared data sets.")
@click.option("--epochs", type=click.IntRange(1), help="Passes over the training pictures.")
@click.option("--batch-size", type=click.IntRange(1), help="Pictures a step.")
@click.option("--image-size", type=click.IntRange(1), help="Side of the pictures or patches in pixels.")
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), help="Of every optimizer.")
@click.option("--schedule", help="Of the learning rate: constant or cosine.  [default: by model]")
@click.option(
    "--precision", default=None, help="auto, float32, mixed_float16 or mixed_bfloat16.  [default: auto]"
)
@click.option(
    "--only",
    multiple=True,
    metavar="NAME=VALUE,VALUE",
    callback=_to_selection,
    help="Use only pictures with these values of an attribute, e.g. category=sneaker; may be repeated. A "
    "value with a comma stands in quotation marks.",
)
@click.option(
    "--augment",
    metavar="NAMES",
    help="Random changes of training pictures, e.g. flip,crop,colour. Of: crop, flip, rotation, zoom, "
    "brightness, contrast, saturation, hue, blur; colour is the four before blur; turn, scale (srcnn, "
    "fsrcnn); none switches off those of the model.  [default: by model]",
)
@click.option(
    "--degrade",
    metavar="NAMES",
    help="What makes low-res training pictures worse: jpeg, blur (srcnn, fsrcnn).",
)
@click.option(
    "--patches-per-image",
    type=click.IntRange(1),
    help="Patches of each picture in an epoch (srcnn, fsrcnn).  [default: by data set]",
)
@click.option(
    "--cache",
    type=click.Choice(["memory", "disk", "none"]),
    help="Where decoded pictures are kept between epochs.  [default: by size]",
)
@click.option(
    "--jit",
    type=click.Choice(["auto", "on", "off"]),
    help="Compile steps with XLA; auto: on GPUs only.  [default: auto]",
)
@click.option("--histograms", is_flag=True, help="Write histograms of the weights for TensorBoard.")
@click.option(
    "--profile-steps",
    metavar="FIRST:LAST",
    callback=lambda context, parameter, text: text and parse_profile_steps(text),
    help="Profile these steps for TensorBoard, e.g. 100:110.",
)
@click.option(
    "--wandb",
    is_flag=True,
    help="Send metrics and samples to Weights & Biases; WANDB_MODE=offline keeps them in the run.",
)
@click.option(
    "--seed", type=click.IntRange(0, LARGEST_SEED), help="Of weights, order and latents.  [default: 0]"
)
@click.option(
    "--init-from", metavar="PRESET_OR_RUN", help="Begin with these weights, as far as they fit the network."
)
@click.option(
    "--freeze", metavar="PARTS", help="Parts that are not trained, e.g. discriminator; of several: a,b."
)
@click.option("--runs-dir", type=click.Path(path_type=Path), default="runs", show_default=True)
@click.option("--run-name", help="Name of the run directory.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Continue this run.")
@click.option(
    "--early-stop",
    metavar="METRIC[:EPOCHS]",
    help="Stop when no epoch was better for so many (5), and take the best; e.g. val_psnr:3.",
)
@click.option(
    "--deterministic/--no-deterministic", default=None, help="The same bits in every run on this machine."
)
@click.option(
    "--max-minutes", type=click.FloatRange(0, min_open=True), help="Save and end after so many minutes."
)
@click.option("--checkpoint-steps", type=click.IntRange(1), help="Save within epochs after so many steps.")
@click.option(
    "--checkpoint-minutes",
    type=click.FloatRange(0, min_open=True),
    default=RunControl.checkpoint_minutes,
    show_default=True,
    help="Save within epochs after so many minutes.",
)
@click.option(
    "--keep-checkpoints",
    "num_checkpoints",
    type=click.IntRange(1),
    default=RunControl.num_checkpoints,
    show_default=True,
    help="How many of the newest checkpoints to keep; that of the best epoch is kept besides.",
)
@click.option(
    "--distribute",
    default="none",
    show_default=True,
    help="mirrored: all GPUs of this machine; multi_worker: the machines that TF_CONFIG names.",
)
@click.option(
    "--peer-timeout",
    type=click.FloatRange(0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the other workers to come up.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Repeat a config.json.",
)
@click.option("--dry-run", is_flag=True, help="Check and print the configuration; train nothing.")
@_model_options
def command(model, runs_dir, run_name, resume, config_file, dry_run, distribute, peer_timeout, **options):
    """Train MODEL: dcgan, conditional_vae, srcnn, fsrcnn or classifier. Leaves a run directory."""
    if options["wandb"] and not dry_run:
        from training.wandb_log import import_wandb

        import_wandb()
    control = RunControl(**{field.name: options.pop(field.name) for field in dataclasses.fields(RunControl)})
    given = {name: value for name, value in options.items() if value is not None}
    if resume is not None and (config_file or run_name):
        raise click.UsageError("`--resume` takes name and configuration from the run. Leave the others out.")
    if resume is None and config_file is None and model is None:
        raise click.UsageError("Name a MODEL, a run to `--resume` or a `--config` file.")

    from training.distribution import ONE_REPLICA, check_distribution, make_distribution
    from training.resumption import changed_config
    from training.run_directory import check_run_name, read_config

    check_distribution(distribute)
    check_run_name(run_name)
    # Before anything that TensorFlow does: it cannot find other workers later.
    distribution = ONE_REPLICA if dry_run else make_distribution(distribute, peer_timeout)
    from training import trainer

    changes = _to_values({"model": model, **given})
    if resume is None:
        config = make_config(model, config_file, given)
    elif dry_run:
        config = changed_config(read_config(resume), changes)
    if dry_run:
        trainer.check_training(config, is_new=resume is None)
        click.echo(config.to_json(), nl=False)
        return
    if resume is not None:
        run = trainer.resume_training(resume, changes, control, distribution=distribution)
    else:
        run = trainer.start_training(config, runs_dir, run_name, control, distribution=distribution)
    if run is None:
        click.echo("Trained as one of several workers; the chief has the run.")
        return
    click.echo(f"Run: {run}")
    click.echo(f"Look at it: tensorboard --logdir {run / 'tensorboard'}")
    click.echo(f"Export it:  zoo export {run}")


def make_config(model, config_file, given):
    """Returns the configuration of a training: of a file if any, the recipe, and what is given besides."""
    from training import trainer
    from training.config import TrainingConfig
    from training.data_selection import open_data_set
    from training.data_sets import load_data_set
    from training.learning_rate import check_schedule
    from training.precision import resolve_precision
    from training.recipes import RECIPES

    base = vars(TrainingConfig.read(config_file)) if config_file else {}
    model = model or base["model"]
    if model not in RECIPES:
        raise UnknownNameError("model", model, RECIPES)
    if base and base["model"] != model:
        raise click.UsageError(f"{config_file} is for {base['model']}. Received also: MODEL={model}.")
    recipe = RECIPES[model]
    source = _find_source(given.get("init_from"), recipe)
    inherited = _inherited_values(source, recipe)

    flags = {name: flag for flag, name, _, _ in MODEL_OPTIONS}
    wanted = {name: value for name, value in given.items() if name in flags}
    known_options = {**recipe.model_options, **recipe.optimizer_options}
    for name in wanted:
        if name not in known_options:
            known = [flags[option] for option in known_options]
            raise UnknownNameError(f"option of {model}", flags[name], known)
    precision, reason = resolve_precision(given.get("precision") or base.get("precision") or "auto")
    click.echo(f"Precision: {precision} ({reason})", err=True)

    values = {
        "dataset": "fashion_mnist",
        "data_dir": None,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "learning_rate": recipe.learning_rate,
        "schedule": recipe.schedule,
        "augment": recipe.default_augmentations,
        "seed": 0,
        **inherited,
        **base,
        **{name: value for name, value in _to_values(given).items() if name not in flags},
        "model": model,
        "precision": precision,
        **{
            group: {
                **base.get(group, {**getattr(recipe, group), **inherited.get(group, {})}),
                **{name: wanted[name] for name in getattr(recipe, group) if name in wanted},
            }
            for group in ("model_options", "optimizer_options")
        },
    }
    if source is not None:
        values["init_from"] = source.reference
    data_set = load_data_set(values["dataset"], values["data_dir"])
    recipe.check_data_set(data_set)
    values.setdefault("image_size", recipe.default_image_size(data_set))
    values.setdefault("patches_per_image", recipe.default_patches_per_image(data_set))
    config = TrainingConfig(**values)
    data_set = open_data_set(config)
    recipe.check_changes(config)
    check_schedule(config.schedule)
    return trainer.with_chosen_cache(config, data_set)


def _to_values(given) -> dict:
    """Returns what a configuration holds for what the command line takes."""
    from training.augmentation import split_names

    values = {name: value for name, value in given.items() if value is not None}
    for name in ("augment", "degrade", "freeze"):
        if name in values:
            values[name] = split_names(values[name])
    if "data_dir" in values:
        values["data_dir"] = str(values["data_dir"])
    if values.get("early_stop") == "none":
        values["early_stop"] = None
    if values.get("precision") == "auto":
        del values["precision"]
    return values


def _find_source(init_from, recipe):
    from training.run_or_preset import find_run_or_preset

    if init_from is None:
        return None
    source = find_run_or_preset(init_from)
    if source.config.model != recipe.model_name:
        raise click.UsageError(
            f"A training must begin with weights of its own model. Received: --init-from {init_from}, "
            f"a {source.config.model}, for MODEL={recipe.model_name}."
        )
    return source


def _inherited_values(source, recipe) -> dict:
    """Returns what decides the shapes of the weights that a training begins with."""
    if source is None:
        return {"model_options": {}}
    has_image_size = "image_size" in inspect.signature(recipe.import_model_class()).parameters
    return {
        "model_options": source.config.model_options,
        **({"image_size": source.config.image_size} if has_image_size else {}),
    }
