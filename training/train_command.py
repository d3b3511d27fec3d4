"""Defines `zoo train MODEL`."""

import csv
import dataclasses
from pathlib import Path

import click

from training.recipes.base.command import ModelCommand
from training.runs.config import LARGEST_SEED
from training.runs.run_control import RunControl, parse_profile_steps
from zoo.command_line.numbers import Number


def _to_selection(context, parameter, texts):
    selection: dict[str, list[str]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        # As in a CSV table, a value that contains a comma stands in quotation marks.
        rows = csv.reader(values.splitlines(), skipinitialspace=True)
        values = [value.strip() for row in rows for value in row]
        if not (name.strip() and any(values)):
            raise click.BadParameter(f"A selection must read NAME=VALUE,VALUE. Received: {text!r}.")
        selection.setdefault(name.strip(), []).extend(values)
    return selection or None


@click.command(
    cls=ModelCommand, uses_tensorflow=True, example="zoo train dcgan --dataset fashion_mnist --epochs 5"
)
@click.argument("model", required=False)
@click.option("--dataset", default=None, help="Name of a data set.  [default: fashion_mnist]")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Directory of prepared data sets.")
@click.option(
    "--epochs", type=click.IntRange(1), help="Number of passes over the training photos.  [default: by model]"
)
@click.option("--batch-size", type=click.IntRange(1), help="Photos or patches per step.  [default: by model]")
@click.option(
    "--image-size",
    type=click.IntRange(1),
    help="Side of the square photos or patches in pixels.  [default: by model and data set]",
)
@click.option(
    "--learning-rate",
    type=Number(0, min_open=True),
    help="Learning rate of every optimizer.  [default: by model]",
)
@click.option("--schedule", help="Learning rate schedule: constant or cosine.  [default: by model]")
@click.option(
    "--precision",
    default=None,
    help="Dtype policy: auto, float32, mixed_float16 or mixed_bfloat16.  [default: auto]",
)
@click.option(
    "--only",
    multiple=True,
    metavar="NAME=VALUE,VALUE",
    callback=_to_selection,
    help="Use only photos with these values of an attribute, e.g. category=sneaker. Repeat it for more "
    "attributes. Put a value that contains a comma in quotation marks.",
)
@click.option(
    "--augment",
    metavar="NAMES",
    help="Random augmentation of the training photos, e.g. flip,crop,colour; `zoo train MODEL --help` lists "
    "a model's augmentations; none switches them off.  [default: by model]",
)
@click.option(
    "--degrade",
    metavar="NAMES",
    help="Random degradation of the low-res training images, e.g. jpeg,blur; for super-resolution only.",
)
@click.option(
    "--patches-per-image",
    type=click.IntRange(1),
    help="Patches per photo and epoch; for super-resolution only.  [default: by data set]",
)
@click.option(
    "--cache",
    type=click.Choice(["memory", "disk", "none"]),
    help="Where to keep decoded photos between epochs.  [default: by size]",
)
@click.option(
    "--jit",
    type=click.Choice(["auto", "on", "off"]),
    help="Compile the training step with XLA; auto: on GPUs only.  [default: auto]",
)
@click.option("--histograms", is_flag=True, help="Log histograms of the weights to TensorBoard.")
@click.option(
    "--profile-steps",
    metavar="FIRST:LAST",
    callback=lambda context, parameter, text: text and parse_profile_steps(text),
    help="Log a profile of these steps to TensorBoard, e.g. 100:110.",
)
@click.option(
    "--wandb",
    is_flag=True,
    help="Log metrics and samples to Weights & Biases; WANDB_MODE=offline keeps them in the run directory.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, LARGEST_SEED),
    help="Seed of the initial weights, the order of the photos and the latents.  [default: 0]",
)
@click.option(
    "--init-from",
    metavar="PRESET_OR_RUN",
    help="Start from the weights of this preset or run, as far as they fit the network.",
)
@click.option(
    "--freeze",
    metavar="PARTS",
    help="Parts of the model to leave untrained, separated by commas, e.g. discriminator.",
)
@click.option(
    "--runs-dir",
    type=click.Path(path_type=Path),
    default="runs",
    show_default=True,
    help="Directory in which to create the run directory.",
)
@click.option("--run-name", help="Name of the run directory.  [default: time, model and data set]")
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Resume this run from its newest checkpoint.",
)
@click.option(
    "--early-stop",
    metavar="METRIC[:EPOCHS]",
    help="Stop once METRIC has not improved for EPOCHS epochs (5 if omitted), and keep the best epoch's "
    "weights, e.g. val_psnr:3.",
)
@click.option(
    "--deterministic/--no-deterministic",
    default=None,
    help="Make runs on this machine repeatable bit for bit.",
)
@click.option(
    "--max-minutes",
    type=Number(0, min_open=True),
    help="Save a checkpoint and stop after this many minutes.",
)
@click.option(
    "--checkpoint-steps",
    type=click.IntRange(1),
    help="Also save a checkpoint every so many steps within an epoch.",
)
@click.option(
    "--checkpoint-minutes",
    type=Number(0, min_open=True),
    default=RunControl.checkpoint_minutes,
    show_default=True,
    help="Also save a checkpoint every so many minutes within an epoch.",
)
@click.option(
    "--keep-checkpoints",
    "num_checkpoints",
    type=click.IntRange(1),
    default=RunControl.num_checkpoints,
    show_default=True,
    help="Number of newest checkpoints to keep, besides that of the best epoch.",
)
@click.option(
    "--distribute",
    default="none",
    show_default=True,
    help="Where to train: none: one device; mirrored: all GPUs of this machine; multi_worker: the machines "
    "that TF_CONFIG names.",
)
@click.option(
    "--peer-timeout",
    type=Number(0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the other workers to start.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Train with the configuration of this config.json; other options override it.",
)
@click.option("--dry-run", is_flag=True, help="Check and print the configuration without training.")
def command(model, runs_dir, run_name, resume, config_file, dry_run, distribute, peer_timeout, **options):
    """Train MODEL and write a run directory."""
    if options["wandb"] and not dry_run:
        from training.callbacks.wandb_log import import_wandb

        import_wandb()
    control = RunControl(**{field.name: options.pop(field.name) for field in dataclasses.fields(RunControl)})
    given = {name: value for name, value in options.items() if value is not None}
    if resume is not None and (config_file or run_name):
        raise click.UsageError(
            "`--resume` cannot be combined with `--config` or `--run-name`, because the run has its own name "
            "and configuration. Omit them."
        )
    if resume is None and config_file is None and model is None:
        raise click.UsageError("Name a MODEL, a run to `--resume` or a `--config` file.")

    from training.distribution.distribution import ONE_REPLICA, check_distribution, make_distribution
    from training.loop.new_config import make_config, to_values
    from training.loop.resume import changed_config
    from training.runs.run_directory import check_run_name, read_config

    check_distribution(distribute)
    check_run_name(run_name)
    # Before any other use of TensorFlow, which cannot connect to other workers later.
    distribution = ONE_REPLICA if dry_run else make_distribution(distribute, peer_timeout)
    from training.loop.resume import resume_training
    from training.loop.trainer import check_training, start_training

    if resume is None:
        config, data_set = make_config(model, config_file, given)
        if dry_run:
            click.echo(check_training(config, data_set=data_set).to_json(), nl=False)
            return
        run = start_training(
            config, runs_dir, run_name, control, distribution=distribution, data_set=data_set
        )
    else:
        changes = to_values({"model": model, **given})
        if dry_run:
            config = changed_config(read_config(resume), changes)
            click.echo(check_training(config, is_new=False).to_json(), nl=False)
            return
        run = resume_training(resume, changes, control, distribution=distribution)
    if run is None:
        click.echo("This worker has finished. The chief has the run directory.")
        return
    click.echo(f"Run: {run}")
    click.echo(f"View it:   tensorboard --logdir {run / 'tensorboard'}")
    click.echo(f"Export it: zoo export {run}")
