"""Defines `zoo tune MODEL`."""

import dataclasses
import datetime
from pathlib import Path

import click

from training import train_command
from training.recipes.base.command import ModelCommand
from training.runs.run_control import RunControl
from zoo.errors import UnknownNameError, WrongUsageError

# Options of `zoo train` that belong to a single run rather than to all trials of a study.
OF_A_RUN = {
    "model",
    "runs_dir",
    "run_name",
    "resume",
    "config_file",
    "dry_run",
    "distribute",
    "peer_timeout",
    *(field.name for field in dataclasses.fields(RunControl)),
}


def _training_options(command: click.Command) -> click.Command:
    """Adds the options of `zoo train` that all trials share."""
    for option in train_command.command.params:
        if isinstance(option, click.Option) and option.expose_value and option.name not in OF_A_RUN:
            command.params.insert(-1, option)
    return command


@_training_options
@click.command(
    cls=ModelCommand, uses_tensorflow=True, example="zoo tune srcnn --dataset t91 --epochs 5 --trials 20"
)
@click.argument("model", required=False)
@click.option("--trials", "num_trials", type=click.IntRange(1), help="Number of trials.  [default: 20]")
@click.option(
    "--objective",
    metavar="METRIC",
    help="Metric to optimise: val_..., or frechet_distance.  [default: by model]",
)
@click.option(
    "--space",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help='JSON file with the search space, e.g. {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": true}, '
    '"width": {"values": [16, 32]}}.  [default: by model]',
)
@click.option(
    "--random", "is_random", is_flag=True, help="Search at random, as a baseline for Bayesian optimisation."
)
@click.option(
    "--judge", metavar="RUN_OR_PRESET", help="Classifier on whose features frechet_distance is measured."
)
@click.option(
    "--studies-dir",
    type=click.Path(path_type=Path),
    default="studies",
    show_default=True,
    help="Directory in which to create the study directory.",
)
@click.option("--study-name", help="Name of the study directory.  [default: time, model and data set]")
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="STUDY",
    help="Resume this study, or join it as another worker.",
)
@click.option("--dry-run", is_flag=True, help="Print the study without training.")
def command(model, resume, dry_run, num_trials, **options):
    """Tune MODEL's hyperparameters by Bayesian optimisation and write a study directory."""
    if (model is None) == (resume is None):
        raise click.UsageError("Name a MODEL or a study to `--resume`.")
    if resume is None:
        study = _make_study(model, num_trials or 20, options)
    else:
        study = _read_study(resume, num_trials, options)
    if dry_run:
        from training.tuning.space_file import to_json

        click.echo(f"{study.num_trials} trials for {study.objective}: {to_json(study.space)}")
        click.echo(study.config.to_json(), nl=False)
        return

    from training.tuning.tuner import run_study

    if resume is None:
        study.write()
    trials = run_study(study)
    if not trials:
        return
    best = study.sort(trials)[0]
    click.echo(f"Study: {study.directory}")
    click.echo(f"Results: {study.directory / 'results.md'}")
    if best.score is None:
        raise click.ClickException(
            f"A search needs a trial that ends with a score. Received: {len(trials)} trials, all of which "
            f"failed; {study.directory / 'results.md'} says how. Narrow the space with --space, for example "
            "to lower learning rates, and start another study."
        )
    click.echo(f"Best: {study.objective} {best.score:.5g} in trial {best.name}")
    click.echo(f"View them: tensorboard --logdir {study.trials_dir}")
    click.echo(f"Repeat it: zoo train --config {study.directory / 'best' / 'config.json'}")


def _make_study(model, num_trials, options):
    from training.loop.new_config import make_config
    from training.recipes.base.registry import find_recipe
    from training.tuning.space_file import read_search_space
    from training.tuning.study import FRECHET_DISTANCE, Study

    recipe = find_recipe(model)
    own = ("space", "objective", "is_random", "judge", "studies_dir", "study_name")
    given = {name: value for name, value in options.items() if name not in own and value is not None}
    config, data_set = make_config(model, None, given)
    space = recipe.search_space if options["space"] is None else read_search_space(options["space"], recipe)
    # Values that the user sets are not tuned.
    space = {name: domain for name, domain in space.items() if name not in given}
    if not space:
        raise WrongUsageError(
            "A study needs a hyperparameter to tune. Received: values for all of the search space. Omit one "
            f"of {', '.join(sorted(given.keys() & recipe.search_space.keys()))}, or name others with --space."
        )
    # The only objective that a judge named by the user measures.
    by_default = FRECHET_DISTANCE if options["judge"] else recipe.objective or FRECHET_DISTANCE
    objective = options["objective"] or by_default
    time = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    name = options["study_name"] or f"{time}-{model}-{config.dataset}"
    return Study(
        directory=options["studies_dir"] / name,
        config=config,
        space=space,
        objective=objective,
        num_trials=num_trials,
        algorithm="random" if options["is_random"] else "bayesian",
        seed=config.seed,
        judge=_check_objective(objective, options["judge"], config, data_set),
    )


def _check_objective(objective, judge, config, data_set):
    """Checks that the objective can be measured; returns the judge that it needs, or None."""
    from training.callbacks.picture_quality import quality_metrics
    from training.recipes.base.registry import RECIPES
    from training.trained_model import find_run_or_preset
    from training.tuning.study import FRECHET_DISTANCE
    from zoo.presets.registry import list_presets

    recipe = RECIPES[config.model]
    model = recipe.build_model(config, data_set)
    if objective != FRECHET_DISTANCE:
        known = list(dict.fromkeys(f"val_{metric.name}" for metric in model.metrics))
        known += quality_metrics(recipe, config, data_set)
        if objective not in known:
            raise UnknownNameError("objective", objective, [*known, FRECHET_DISTANCE])
        return None
    if not recipe.is_generative:
        raise WrongUsageError(
            f"{FRECHET_DISTANCE} needs a generative model, because it compares generated pictures. Received: "
            f"{config.model}. Choose one of its validation metrics, e.g. val_psnr."
        )
    judge = judge or f"classifier_{config.dataset}"
    if judge.startswith("classifier_") and not Path(judge).exists() and judge not in list_presets():
        raise WrongUsageError(
            f"{FRECHET_DISTANCE} needs a --judge, because it is measured on the features of a classifier of "
            f"{config.dataset}. Received: no --judge. Train one and name it: zoo train classifier --dataset "
            f"{config.dataset}"
        )
    find_run_or_preset(judge)
    return judge


def _read_study(directory, num_trials, options):
    from training.tuning.study import Study

    refused = [
        name for name, value in options.items() if value not in (None, False) and name != "studies_dir"
    ]
    if refused:
        raise click.UsageError(
            "Only --trials can change when a study is resumed. Received also: "
            + ", ".join(f"--{name.replace('_', '-')}" for name in sorted(refused))
            + ". Omit the others."
        )
    study = Study.read(directory)
    return study if num_trials is None else dataclasses.replace(study, num_trials=num_trials)
