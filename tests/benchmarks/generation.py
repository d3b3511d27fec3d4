"""Scores generators in one table: real photos, runs of the zoo, and reference models' samples.

```
python tests/benchmarks/train_reference.py infogan --output infogan.npy
python tests/benchmarks/train_reference.py conditional_gan --output conditional_gan.npy
python tests/benchmarks/generation.py --classifier runs/classifier --runs dcgan=runs/gan \\
    --samples infogan=infogan.npy --labelled-samples conditional_gan=conditional_gan.npy
```

Trains nothing. Scores every row alike: Frechet and kernel distance of 10,000 pictures to the test images on
the classifier's features; precision, recall, density and coverage of 5,000 against 5,000; accuracy of the
requested categories by the classifier. The first row holds real images: training images against test images,
and the test images themselves for accuracy, variety and nearest neighbours.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np  # noqa: E402 - after the path is set

from training.data.data_sets import load_data_set  # noqa: E402
from training.evaluation.feature_extractor import extractor_of, load_extractor  # noqa: E402
from training.evaluation.generated.scores import (
    FeatureSets,
    score_distances,
    score_judged,
    score_neighbourhoods,
    score_variety,
)
from training.input.labelled_pictures import LabelledPictures, generate_pictures, read_pictures  # noqa: E402
from training.runs.score import Score, format_score  # noqa: E402
from training.trained_model import load_run_or_preset  # noqa: E402

COLUMNS = (
    ("fid", "FID"),
    ("frechet_distance", "Frechet distance"),
    ("kid", "KID"),
    ("kernel_distance", "kernel distance"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("density", "density"),
    ("coverage", "coverage"),
    ("conditional_accuracy_category", "accuracy"),
    ("pairwise_distance", "pairwise distance"),
    ("pairwise_distance_within_category", "within category"),
    ("nearest_training_distance", "nearest training"),
)
REAL = "real pictures"


def score_all(generated: dict[str, LabelledPictures], test, train, extractor, judge, seed: int) -> dict:
    """Returns each generator's scores by name, those of real images first."""
    rows, real = {}, FeatureSets(extractor, test, train, test)
    for name, pictures in generated.items():
        start = time.perf_counter()
        features = real.with_generated(pictures)
        found = score_distances(features, seed) | score_neighbourhoods(features)
        ids = pictures.attribute_ids or {"category": np.full(len(pictures), -1)}
        found |= score_variety(features, ids, test.attribute_ids)
        if pictures.attribute_ids:
            found |= score_judged(judge, "classifier", pictures, test)
        if REAL not in rows:
            rows[REAL] = _baselines(found.scores)
        rows[name] = found.scores
        for note in found.notes:
            print(f"{name}: {note}", file=sys.stderr)
        print(f"{name} scored in {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return rows


def _baselines(scores: dict[str, Score]) -> dict[str, Score]:
    return {name: score.baseline for name, score in scores.items() if score.baseline is not None}


def print_table(rows: dict[str, dict[str, Score]], reference: str | None) -> None:
    """Prints a Markdown table, and each distance as a multiple of the reference's."""
    columns = [(key, title) for key, title in COLUMNS if any(key in scores for scores in rows.values())]
    print(f"| | {' | '.join(title for _, title in columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for name, scores in rows.items():
        cells = [format_score(scores[key]) if key in scores else "" for key, _ in columns]
        print(f"| {name} | {' | '.join(cells)} |")
    key = "fid" if "fid" in rows[REAL] else "frechet_distance"
    for name, scores in rows.items():
        parts = [f"{scores[key].value / rows[REAL][key].value:.2f} x real against real"]
        if reference in rows:
            parts.append(f"{scores[key].value / rows[reference][key].value:.2f} x {reference}")
        print(f"{name}: {', '.join(parts)}")


def read_samples(path: Path, num_samples: int, num_values: int | None) -> LabelledPictures:
    """Reads saved pictures; if `num_values` is given, picture i has category `i % num_values`."""
    raw_images = np.load(path)[:num_samples]
    ids = {} if num_values is None else {"category": np.arange(len(raw_images), dtype="int32") % num_values}
    return LabelledPictures(raw_images, ids)


def _named(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"NAME=PATH is needed. Received: {text}.")
    return name, value


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classifier", required=True, help="run or preset that judges")
    parser.add_argument("--extractor", help="as for `zoo evaluate`; the classifier by default")
    parser.add_argument("--dataset", default="fashion_mnist")
    parser.add_argument("--runs", nargs="*", type=_named, default=[], metavar="NAME=RUN")
    parser.add_argument("--samples", nargs="*", type=_named, default=[], metavar="NAME=FILE.npy")
    parser.add_argument("--labelled-samples", nargs="*", type=_named, default=[], metavar="NAME=FILE.npy")
    parser.add_argument("--reference", default="infogan", help="row that distances are compared with")
    parser.add_argument("--num-samples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    source = load_run_or_preset(arguments.classifier)
    judge = source.model
    extractor = (
        load_extractor(arguments.extractor) if arguments.extractor else extractor_of(source, "classifier")
    )
    data_set = load_data_set(arguments.dataset)
    shape, seed = (judge.image_size, judge.channels), arguments.seed
    test = read_pictures(data_set, "test", *shape, arguments.num_samples, seed)
    train = read_pictures(data_set, "train", *shape, data_set.num_images["train"], seed)
    generated = {
        name: generate_pictures(load_run_or_preset(run).model, test, arguments.num_samples, seed)
        for name, run in arguments.runs
    }
    num_values = len(data_set.attributes["category"])
    for files, count in ((arguments.samples, None), (arguments.labelled_samples, num_values)):
        generated |= {name: read_samples(Path(file), arguments.num_samples, count) for name, file in files}
    rows = score_all(generated, test, train, extractor, judge, seed)
    print_table(rows, arguments.reference)


if __name__ == "__main__":
    main()
