"""Measures the time that checkpoints within an epoch add to training the recipe's DCGAN on Fashion-MNIST.

    python tests/benchmarks/checkpoint_cost.py --output checkpoint_cost.json

Three kinds of training take turns with the same number of steps, so that other load on the machine affects
all of them alike: without checkpoints (none), with one every `--interval-seconds`, converted to steps by a
step time measured beforehand (seldom), and with one every `--often-steps` steps (often). Twenty steps are one
execution, as in `zoo train`; the first executions and the checkpoint at the end of the epoch are not counted.
Checkpoints are written to `--directory`, a temporary one by default. A round's times are medians over its
checkpoints; the printed figures are medians over rounds:

- a step: milliseconds per step, including checkpoints, with the range over rounds, which is the noise;
- training waits: milliseconds per checkpoint until the weights are checked and copied and the previous
  checkpoint is on disk;
- thread writes: milliseconds per checkpoint that the writing thread takes while training continues;
- delay: milliseconds by which one checkpoint lengthens the training in total, including the time that the
  thread takes from the steps: the steps between two checkpoints times the increase of the time per step over
  the same round without checkpoints. Given only for frequent checkpoints; for few it is lost in the noise.

Shares of the training time follow for one checkpoint every ten minutes, which is `zoo train`'s default, and
for one every minute: the share of waiting (seldom), of the delay (often), and of waiting and writing together
(seldom), which is an upper bound that a checkpoint costs if training stands still meanwhile.
"""

import argparse
import dataclasses
import json
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras  # noqa: E402 - after the path is set
import numpy as np  # noqa: E402
from plain_keras import NUM_WARMUP_STEPS, StepClock  # noqa: E402

from training.callbacks.checkpoints import Checkpoints  # noqa: E402
from training.data.data_sets import load_data_set  # noqa: E402
from training.loop.new_config import make_config  # noqa: E402
from training.loop.precision import resolve_jit  # noqa: E402
from training.loop.session import MAX_STEPS_PER_EXECUTION  # noqa: E402
from training.recipes.base.registry import RECIPES  # noqa: E402
from training.runs.run_control import RunControl  # noqa: E402

NEVER, SELDOM, OFTEN = "none", "seldom", "often"
MINUTES_BETWEEN = (RunControl.checkpoint_minutes, 1.0)


class TimedCheckpoints(Checkpoints):
    """Records each checkpoint's waiting and writing time within the epoch.

    Attributes:
        wait_seconds: Duration of `save`.
        write_seconds: Duration of the writing thread, which does nothing else.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.wait_seconds, self.write_seconds = [], []

    def save(self):
        start = time.perf_counter()
        super().save()
        written_from = time.perf_counter()
        if self.num_steps_done and self._writing is not None:
            self.wait_seconds.append(written_from - start)
            self._writing.add_done_callback(
                lambda _: self.write_seconds.append(time.perf_counter() - written_from)
            )


@dataclasses.dataclass(frozen=True)
class Round:
    """One training.

    Args:
        step_ms: Milliseconds per step, including checkpoints.
        num_checkpoints: Number of checkpoints within the epoch.
        wait_ms: Median milliseconds that training waited for a checkpoint; None without checkpoints.
        write_ms: Median milliseconds that the thread took for a checkpoint; None without checkpoints.
    """

    step_ms: float
    num_checkpoints: int
    wait_ms: float | None
    write_ms: float | None


def train_round(model, batches, num_steps: int, every_steps: int | None, directory: Path) -> Round:
    """Trains the warm-up steps and the measured steps."""
    clock = StepClock()
    with tempfile.TemporaryDirectory(dir=directory) as place:
        checkpoints = TimedCheckpoints(Path(place), model, every_steps=every_steps)
        checkpoints.save_initial_state()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="`shuffle=True` was passed")
            model.fit(
                batches,
                steps_per_epoch=NUM_WARMUP_STEPS + num_steps,
                verbose=0,
                callbacks=[clock, checkpoints],
            )
        checkpoints.wait()
    medians = [
        1000 * float(np.median(seconds)) if seconds else None
        for seconds in (checkpoints.wait_seconds, checkpoints.write_seconds)
    ]
    return Round(1000 * clock.step_seconds, len(checkpoints.wait_seconds), *medians)


def summarize(rounds: dict[str, list[Round]], name: str, every_steps: int | None) -> dict:
    """Returns one kind of training's medians over rounds; None for figures that it does not have."""
    own = rounds[name]
    steps = [r.step_ms for r in own]
    values = {
        "every_steps": every_steps,
        "checkpoints_a_round": own[0].num_checkpoints,
        "step_ms": float(np.median(steps)),
        "step_ms_range": [min(steps), max(steps)],
        "wait_ms": None,
        "write_ms": None,
        "delay_ms": None,
    }
    if own[0].num_checkpoints:
        values["wait_ms"] = float(np.median([r.wait_ms for r in own]))
        values["write_ms"] = float(np.median([r.write_ms for r in own]))
    if name == OFTEN:
        without = [r.step_ms for r in rounds[NEVER]]
        values["delay_ms"] = every_steps * float(np.median(np.subtract(steps, without)))
    return values


def share(variants: dict[str, dict], minutes: float) -> dict[str, float | None]:
    """Returns the share of training time spent on one checkpoint every `minutes` minutes."""
    seldom, often = variants[SELDOM], variants[OFTEN]
    milliseconds = {
        "wait": seldom["wait_ms"],
        "delay": often["delay_ms"],
        "at_most": None if seldom["wait_ms"] is None else seldom["wait_ms"] + seldom["write_ms"],
    }
    return {name: None if ms is None else ms / (60_000 * minutes) for name, ms in milliseconds.items()}


def print_results(variants: dict[str, dict], shares: dict[str, dict]) -> None:
    """Prints both tables."""
    print("| checkpoints | every | in a round | a step (range) | training waits | thread writes | delay |")
    print("|---|---|---|---|---|---|---|")
    for name, values in variants.items():
        low, high = values["step_ms_range"]
        times = (values[key] for key in ("wait_ms", "write_ms", "delay_ms"))
        cells = ["" if milliseconds is None else f"{milliseconds:.1f} ms" for milliseconds in times]
        every = f"{values['every_steps']:,} steps" if values["every_steps"] else ""
        step = f"{values['step_ms']:.2f} ms ({low:.2f} to {high:.2f})"
        print(f"| {name} | {every} | {values['checkpoints_a_round']} | {step} | {' | '.join(cells)} |")
    print("\n| one checkpoint every | training waits | delay | at most |\n|---|---|---|---|")
    for minutes, parts in shares.items():
        cells = ["" if part is None else f"{100 * part:.4f} %" for part in parts.values()]
        print(f"| {minutes} min | {' | '.join(cells)} |")


def whole_executions(num_steps: float) -> int:
    """Rounds a number of steps to whole executions, at least one."""
    return max(1, round(num_steps / MAX_STEPS_PER_EXECUTION)) * MAX_STEPS_PER_EXECUTION


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="trainings of each kind")
    parser.add_argument("--steps", type=int, help="counted in each  [default: enough for one interval]")
    parser.add_argument("--interval-seconds", type=float, default=60.0, help="between seldom checkpoints")
    parser.add_argument("--often-steps", type=int, default=20, help="between frequent checkpoints")
    parser.add_argument("--measured-steps", type=int, default=200, help="to find the step time at first")
    parser.add_argument("--directory", type=Path, help="where checkpoints are written and removed again")
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()

    keras.utils.set_random_seed(0)
    recipe, data_set = RECIPES["dcgan"], load_data_set("fashion_mnist", options.data_dir)
    config, _ = make_config("dcgan", None, {"dataset": data_set.name, "data_dir": options.data_dir})
    model = recipe.build_model(config, data_set)
    recipe.compile_model(
        model, config, jit_compile=resolve_jit(config.jit), steps_per_execution=MAX_STEPS_PER_EXECUTION
    )
    batches = recipe.make_training_batches(config, data_set, first_step=0)

    before = train_round(model, batches, whole_executions(options.measured_steps), None, options.directory)
    seldom = whole_executions(1000 * options.interval_seconds / before.step_ms)
    often = whole_executions(options.often_steps)
    num_steps = whole_executions(options.steps or seldom)
    print(
        f"{before.step_ms:.1f} ms a step at first: {num_steps:,} steps a round.", file=sys.stderr, flush=True
    )
    every_steps = {NEVER: None, SELDOM: seldom, OFTEN: often}
    rounds = {name: [] for name in every_steps}
    for number in range(options.rounds):
        for name in np.roll(list(every_steps), -number):
            found = train_round(model, batches, num_steps, every_steps[name], options.directory)
            rounds[name].append(found)
            print(f"round {number}, {name}: {found}", file=sys.stderr, flush=True)
    variants = {name: summarize(rounds, name, every_steps[name]) for name in every_steps}
    shares = {f"{minutes:g}": share(variants, minutes) for minutes in MINUTES_BETWEEN}
    print(f"{config.precision}, {num_steps:,} steps in each of {options.rounds} rounds\n")
    print_results(variants, shares)
    if options.output:
        result = {"precision": config.precision, "num_steps": num_steps, "num_rounds": options.rounds}
        result |= {"variants": variants, "shares_by_minutes_between": shares}
        options.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
