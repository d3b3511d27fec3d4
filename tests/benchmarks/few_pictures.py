"""Measures DiffAugment on a DCGAN trained with part of Fashion-MNIST, a tenth by default.

`python tests/benchmarks/few_pictures.py` trains the recipe's DCGAN on the same `--num-pictures` images,
without DiffAugment and with each of `--policies`. It prints the Frechet distance of 10,000 generated pictures
to the test images on a classifier's features, and the training images' own distance beside it.

Sources:
    [DiffAugment] Zhao et al. 2020, arXiv 2006.10738, table 3: CIFAR-10 with a tenth of the pictures.
"""

import argparse
import dataclasses
import os
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras  # noqa: E402 - after the path is set

from training.data.data_sets import load_data_set  # noqa: E402
from training.evaluation.feature_extractor import extractor_of  # noqa: E402
from training.evaluation.generated.scores import FeatureSets, score_distances, score_neighbourhoods  # noqa: E402
from training.input.labelled_pictures import generate_pictures, read_pictures  # noqa: E402
from training.loop.precision import resolve_precision  # noqa: E402
from training.recipes.base.registry import RECIPES  # noqa: E402
from training.runs.config import TrainingConfig  # noqa: E402
from training.runs.score import format_score  # noqa: E402
from training.trained_model import load_run_or_preset  # noqa: E402
from zoo.pictures.differentiable_augmentation import POLICIES  # noqa: E402

STEPS_PER_EXECUTION = 10
COLUMNS = ("frechet_distance", "kernel_distance", "precision", "recall")


def train(data_set, num_images: int, diff_augment: str, seed: int):
    """Trains a DCGAN on `num_images` images, repeats included."""
    keras.utils.set_random_seed(seed)
    recipe, (precision, _) = RECIPES["dcgan"], resolve_precision("auto")
    config = TrainingConfig(
        model="dcgan",
        dataset=data_set.name,
        epochs=1,
        batch_size=recipe.batch_size,
        image_size=28,
        learning_rate=recipe.learning_rate,
        precision=precision,
        seed=seed,
        model_options={**recipe.model_options, "diff_augment": diff_augment},
        cache="memory",
    )
    model = recipe.build_model(config, data_set)
    recipe.compile_model(model, config, jit_compile=False, steps_per_execution=STEPS_PER_EXECUTION)
    num_steps = -(-num_images // (config.batch_size * STEPS_PER_EXECUTION)) * STEPS_PER_EXECUTION
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`shuffle=True` was passed")
        model.fit(
            recipe.make_training_batches(config, data_set, first_step=0), steps_per_epoch=num_steps, verbose=0
        )
    minutes = (time.perf_counter() - start) / 60
    print(
        f"diff_augment {diff_augment}: {num_steps:,} steps, {minutes:.1f} minutes",
        file=sys.stderr,
        flush=True,
    )
    return model


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classifier", default="classifier_fashion_mnist", help="run or preset")
    parser.add_argument("--num-pictures", type=int, default=5_500, help="different training pictures")
    parser.add_argument("--num-images", type=int, default=550_000, help="training pictures seen")
    parser.add_argument("--policies", nargs="+", default=[",".join(POLICIES)], help="as for --diff-augment")
    parser.add_argument("--num-samples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    data_set, seed = load_data_set("fashion_mnist"), arguments.seed
    few = dataclasses.replace(
        data_set,
        num_images={**data_set.num_images, "train": arguments.num_pictures},
        tfds_splits={**data_set.tfds_splits, "train": f"train[:{arguments.num_pictures}]"},
    )
    test = read_pictures(data_set, "test", 28, 1, arguments.num_samples, seed)
    real = read_pictures(data_set, "train", 28, 1, arguments.num_samples, seed)
    extractor = extractor_of(load_run_or_preset(arguments.classifier), arguments.classifier)
    features, distances = FeatureSets(extractor, test, real, real), {}
    print(f"| | {' | '.join(COLUMNS)} |\n|---" + "|---" * len(COLUMNS) + "|")
    for diff_augment in ("none", *arguments.policies):
        model = train(few, arguments.num_images, diff_augment, seed)
        features = features.with_generated(generate_pictures(model, test, arguments.num_samples, seed))
        scores = score_distances(features, seed).scores | score_neighbourhoods(features).scores
        distances[diff_augment] = scores["frechet_distance"].value
        print(
            f"| {diff_augment} | {' | '.join(format_score(scores[name]) for name in COLUMNS)} |", flush=True
        )
    baselines = [format_score(scores[name].baseline) for name in COLUMNS]
    print(f"| real training pictures | {' | '.join(baselines)} |")
    for policy in arguments.policies:
        change = distances[policy] / distances["none"] - 1
        print(f"{policy} changes the Frechet distance by {100 * change:+.0f} %.")


if __name__ == "__main__":
    main()
