"""Runs a study: KerasTuner chooses the hyperparameters, and each trial is an ordinary training.

Sources:
    [KerasTuner] O'Malley et al. 2019: oracles, and the service that shares one among several workers.
    [GP-UCB] Srinivas et al. 2010, arXiv 0912.3995: the algorithm of its Bayesian oracle.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import keras
import keras_tuner
import numpy as np
import tensorflow as tf
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.errors import FatalError
from tensorboard.plugins.hparams import api as hparams

from training import trained_model
from training.callbacks.diverged import DivergedError
from training.data.selection import open_data_set
from training.evaluation.feature_extractor import extractor_of
from training.evaluation.measures.frechet_distance import frechet_distance
from training.evaluation.quality.distance_to_real import DistanceToReal
from training.input.labelled_pictures import read_pictures
from training.loop.resume import resume_training
from training.loop.trainer import start_training
from training.recipes.base.registry import RECIPES
from training.recipes.base.search_space import Choice
from training.runs import run_directory
from training.runs.config import TrainingConfig
from training.runs.metrics_log import read_metrics
from training.trained_model import load_run_or_preset
from training.tuning.hopeless_trial import HopelessTrial
from training.tuning.space_file import with_values
from training.tuning.study import TUNER, Study, Trial

# One trial in so many is drawn at random, before all others. KerasTuner's default, three per dimension, would
# leave hardly any trial of a usual study to its model of the objective.
TRIALS_PER_RANDOM_TRIAL = 4
FEWEST_RANDOM_TRIALS = 3
# KerasTuner increments its seed with every value it draws: the seeds of two studies must lie far apart.
SEED_DISTANCE = 1000
MAX_SEED = 1 << 32
# Consecutive failed trials after which the study ends.
MAX_FAILURES = 3


class StudyStopped(FatalError):
    """The study stopped during a trial and can be resumed."""

    def __init__(self, message: str, exit_code: int = 1):
        super().__init__(message)
        self.exit_code = exit_code


def num_random_trials(num_trials: int) -> int:
    """Returns how many trials a Bayesian study draws at random before it models the objective.

    >>> num_random_trials(20), num_random_trials(4)
    (5, 3)
    """
    return max(FEWEST_RANDOM_TRIALS, num_trials // TRIALS_PER_RANDOM_TRIAL)


class BayesianOracle(keras_tuner.oracles.BayesianOptimizationOracle):
    """Chooses the same trials in a resumed study as in an uninterrupted one.

    KerasTuner does not save the state of the random numbers with which it searches its model of the
    objective, and it reads trials back in arbitrary order, on which that model's rounding depends.
    """

    def __init__(self, max_trials: int, **options):
        super().__init__(max_trials=max_trials, num_initial_points=num_random_trials(max_trials), **options)

    def populate_space(self, trial_id):
        self.trials: dict[str, Any] = dict(sorted(self.trials.items(), key=lambda item: int(item[0])))
        self._random_state = np.random.RandomState((self.seed + len(self.trials)) % MAX_SEED)
        return super().populate_space(trial_id)


ORACLES = {"bayesian": BayesianOracle, "random": keras_tuner.oracles.RandomSearchOracle}


class TrainingTuner(BaseTuner):
    """Runs each trial as a training in `trials/`.

    An interrupted trial is resumed from its newest checkpoint. Several workers can share a study directory:
    with KerasTuner's environment variables `KERASTUNER_TUNER_ID`, `KERASTUNER_ORACLE_IP` and
    `KERASTUNER_ORACLE_PORT` one process becomes the chief, which chooses the trials of the others.

    Args:
        study: The study to run.
    """

    def __init__(self, study: Study):
        self.study = study
        oracle = ORACLES[study.algorithm](
            objective=keras_tuner.Objective(study.objective, "max" if study.sign > 0 else "min"),
            max_trials=study.num_trials,
            # KerasTuner treats 0 as no seed.
            seed=(SEED_DISTANCE * study.seed + 1) % MAX_SEED,
            hyperparameters=_to_hyperparameters(study.space),
            allow_new_entries=False,
            tune_new_entries=False,
            max_consecutive_failed_trials=MAX_FAILURES,
        )
        oracle.verbose = 0
        super().__init__(oracle, directory=str(study.directory), project_name=TUNER)

    def run_trial(self, trial):
        values = to_values(self.study.space, trial.hyperparameters.values)
        run = self.study.trials_dir / trial.trial_id
        keras.backend.clear_session()
        try:
            self._train(run, with_values(self.study.config, values, RECIPES[self.study.config.model]))
            score = self._score(run)
        except (DivergedError, MemoryError) as error:
            # KerasTuner treats NaN as a failure.
            click.echo(f"Trial {run.name} failed: {error}", err=True)
            return {self.study.objective: math.nan}
        except Exception as error:
            raise StudyStopped(
                f"The study stopped in trial {run.name}: {error} Resume the study: zoo tune --resume "
                f"{self.study.directory}",
                getattr(error, "exit_code", 1),
            ) from error
        _write_hparams(run, values, self.study.objective, score)
        return {self.study.objective: score}

    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        ended = self.find_trial(self.oracle.get_trial(trial.trial_id))
        score = "no score" if ended.score is None else f"{self.study.objective} {ended.score:.5g}"
        tried = ", ".join(f"{name} {value}" for name, value in ended.values.items())
        click.echo(
            f"Trial {ended.name}: {score} ({ended.status}, {ended.minutes:.1f} minutes): {tried}", err=True
        )
        if not self.is_worker:
            self.study.write_results(self.find_trials())

    @property
    def is_worker(self) -> bool:
        """Whether another process is the chief."""
        return self._is_worker()

    def find_trials(self) -> list[Trial]:
        """Returns the finished trials in the order in which they ended."""
        return [self.find_trial(self.oracle.get_trial(name)) for name in self.oracle.end_order]

    def find_trial(self, trial) -> Trial:
        """Returns the outcome of one of KerasTuner's trials."""
        metrics_file = self.study.trials_dir / trial.trial_id / run_directory.METRICS
        epochs = read_metrics(metrics_file) if metrics_file.exists() else []
        status = "completed" if len(epochs) >= self.study.config.epochs else "stopped"
        has_score = trial.score is not None and math.isfinite(trial.score)
        return Trial(
            name=trial.trial_id,
            status=status if has_score else "failed",
            score=trial.score if has_score else None,
            epochs=len(epochs),
            minutes=sum(line["seconds"] for line in epochs) / 60,
            values=to_values(self.study.space, trial.hyperparameters.values),
        )

    def _train(self, run: Path, config: TrainingConfig) -> None:
        if (run / run_directory.MODEL).exists():
            return  # the training ended, but the process stopped before it could report so
        callbacks = [HopelessTrial(run, self.study.objective, self.study.sign)]
        if (run / run_directory.CHECKPOINTS / "checkpoint").exists():
            resume_training(run, callbacks=callbacks)
        else:
            run_directory.remove_unstarted(run)
            start_training(config, run.parent, run.name, callbacks=callbacks)

    def _score(self, run: Path) -> float:
        if self.study.judge is not None:
            return _measure_frechet_distance(run, self.study.config, self.study.judge)
        objective, sign = self.study.objective, self.study.sign
        epochs = read_metrics(run / run_directory.METRICS)
        return sign * max(sign * float(line[objective]) for line in epochs if objective in line)


def run_study(study: Study) -> list[Trial]:
    """Runs a study's remaining trials and writes its results.

    Args:
        study: A study whose directory has been written.

    Returns:
        All finished trials; an empty list in a worker other than the chief.

    Raises:
        StudyStopped: A trial stopped early, e.g. by the user or a scheduler; the study can be resumed.
        RuntimeError: Several consecutive trials failed.
    """
    tuner = TrainingTuner(study)
    tuner.search()
    if tuner.is_worker:
        return []
    trials = tuner.find_trials()
    study.write_results(trials)
    return trials


def _to_hyperparameters(space) -> keras_tuner.HyperParameters:
    hyperparameters = keras_tuner.HyperParameters()
    for name, domain in space.items():
        if isinstance(domain, Choice):
            hyperparameters.Choice(name, list(domain.values))
            continue
        is_whole = isinstance(domain.low, int) and isinstance(domain.high, int)
        add = hyperparameters.Int if is_whole else hyperparameters.Float
        add(name, domain.low, domain.high, sampling="log" if domain.log else "linear")
    return hyperparameters


def to_values(space, tried: Mapping[str, Any]) -> dict[str, Any]:
    """Converts tried values to the types of the space, because KerasTuner turns booleans into numbers.

    Example:

    >>> to_values({"is_residual": Choice((False, True))}, {"is_residual": 1})
    {'is_residual': True}
    """
    return {
        name: type(domain.values[0])(tried[name]) if isinstance(domain, Choice) else tried[name]
        for name, domain in space.items()
    }


def _measure_frechet_distance(run: Path, config: TrainingConfig, judge: str) -> float:
    """Compares the validation photos with the same number of generated pictures."""
    data_set = open_data_set(config.dataset, config.data_dir, config.only)
    source = load_run_or_preset(judge)
    image_size, channels = source.model.image_size, source.model.channels
    num_images = data_set.num_images["validation"]
    real = read_pictures(data_set, "validation", image_size, channels, num_images, config.seed)
    distance = DistanceToReal(extractor_of(source, judge), real, frechet_distance, config.seed)
    return distance.measure(trained_model.load_model(run))


def _write_hparams(run: Path, values, objective: str, score: float) -> None:
    with tf.summary.create_file_writer(str(run / run_directory.TENSORBOARD / "hparams")).as_default():
        hparams.hparams(dict(values), trial_id=run.name)
        tf.summary.scalar(objective, score, step=0)
