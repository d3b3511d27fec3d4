"""`zoo train MODEL`."""

import csv
import dataclasses
from pathlib import Path

import click

from training.recipes.base.command import ModelCommand
from training.runs.config import LARGEST_SEED
from training.runs.run_control import RunControl, parse_profile_steps


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


@click.command(
    cls=ModelCommand, uses_tensorflow=True, example="zoo train dcgan --dataset fashion_mnist --epochs 5"
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
    help="Random changes of training pictures, e.g. flip,crop,colour; `zoo train MODEL --help` lists those "
    "of a model; none switches off its own.  [default: by model]",
)
@click.option(
    "--degrade",
    metavar="NAMES",
    help="What makes low-res training images worse, e.g. jpeg,blur, of models that enlarge pictures.",
)
@click.option(
    "--patches-per-image",
    type=click.IntRange(1),
    help="Patches of each picture per epoch, of models that enlarge pictures.  [default: by data set]",
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
def command(model, runs_dir, run_name, resume, config_file, dry_run, distribute, peer_timeout, **options):
    """Train MODEL and leave a run directory."""
    if options["wandb"] and not dry_run:
        from training.callbacks.wandb_log import import_wandb

        import_wandb()
    control = RunControl(**{field.name: options.pop(field.name) for field in dataclasses.fields(RunControl)})
    given = {name: value for name, value in options.items() if value is not None}
    if resume is not None and (config_file or run_name):
        raise click.UsageError("`--resume` takes name and configuration from the run. Leave the others out.")
    if resume is None and config_file is None and model is None:
        raise click.UsageError("Name a MODEL, a run to `--resume` or a `--config` file.")

    from training.distribution.distribution import ONE_REPLICA, check_distribution, make_distribution
    from training.loop.new_config import make_config, to_values
    from training.loop.resume import changed_config
    from training.runs.run_directory import check_run_name, read_config

    check_distribution(distribute)
    check_run_name(run_name)
    # Before anything that TensorFlow does: it cannot find other workers later.
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
        click.echo("Trained as one of several workers; the chief has the run.")
        return
    click.echo(f"Run: {run}")
    click.echo(f"Look at it: tensorboard --logdir {run / 'tensorboard'}")
    click.echo(f"Export it:  zoo export {run}")
