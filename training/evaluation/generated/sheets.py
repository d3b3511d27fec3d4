"""Draws a generator's sheets: the judge's best and worst, paths through latent space, nearest photos."""

import numpy as np

from training.evaluation.findings import Findings
from training.evaluation.generated.interpolation import interpolate_on_sphere
from training.evaluation.generated.scores import FeatureSets
from training.evaluation.judge import judge_pictures
from training.evaluation.measures.feature_distances import nearest_rows
from training.input.labelled_pictures import LabelledPictures, decode_latents
from training.pages.picture_sheet import PictureSheet
from training.recipes.base.latent_sheets import NUM_COLUMNS, constant_ids, traversal_sheet

MAX_SHOWN_VALUES = 12
NUM_INTERPOLATIONS = 5
NUM_NEIGHBOURS = 4


def best_and_worst(judge, generated: LabelledPictures) -> Findings:
    """Shows, for each value of the first attribute, the pictures the judge is most and least certain of."""
    name = next(iter(generated.attribute_ids))
    ids = generated.attribute_ids[name]
    confidence = judge_pictures(judge, generated.raw_images)[name][np.arange(len(ids)), ids]
    order = np.argsort(confidence, kind="stable")
    shown = np.unique(ids)[:MAX_SHOWN_VALUES]
    worst = [order[ids[order] == value][0] for value in shown]
    best = [order[ids[order] == value][-1] for value in shown]
    sheet = PictureSheet(
        rows=[list(generated.raw_images[chosen]) for chosen in (best, worst)],
        row_labels=["surest", "least sure"],
        column_labels=[judge.attributes[name][value] for value in shown],
        captions=[[f"{confidence[row]:.2f}" for row in chosen] for chosen in (best, worst)],
    )
    return Findings(sheets={"Best and worst by the judge's probability of the requested value": sheet})


def interpolation(model, seed: int) -> Findings:
    """Shows a path from one random latent vector to another for several values of the first attribute."""
    name, values = next(iter(model.attributes.items()))
    random = np.random.default_rng([seed, 1])
    value_ids = np.unique(np.linspace(0, len(values) - 1, NUM_INTERPOLATIONS).astype("int32"))
    rows = []
    for value_id in value_ids:
        start, end = random.normal(size=(2, 1, model.latent_dim)).astype("float32")
        latents = interpolate_on_sphere(start, end, NUM_COLUMNS)[0].numpy()
        rows.append(list(decode_latents(model, latents, constant_ids(model, value_id, NUM_COLUMNS))))
    labels = [values[value_id] for value_id in value_ids]
    return Findings(
        sheets={"Interpolation from one latent vector to another": PictureSheet(rows=rows, row_labels=labels)}
    )


def traversal(model, seed: int) -> Findings:
    """Shows traversals of the latents that change the picture most."""
    value = next(iter(model.attributes.values()))[0]
    caption = f"Traversal of the latents that change a {value} most"
    return Findings(sheets={caption: traversal_sheet(model, seed)})


def nearest_training_pictures(
    features: FeatureSets, generated: LabelledPictures, train: LabelledPictures
) -> Findings:
    """Shows generated pictures above the training photos with the nearest features."""
    count, num_neighbours = min(NUM_COLUMNS, len(generated)), min(NUM_NEIGHBOURS, len(train))
    rows = [list(generated.raw_images[:count])] + [[] for _ in range(num_neighbours)]
    captions = [[""] * count] + [[] for _ in range(num_neighbours)]
    nearest, distances = nearest_rows(features.generated[:count], features.train, num_neighbours)
    for place in range(num_neighbours):
        rows[place + 1] += list(train.raw_images[nearest[:, place]])
        captions[place + 1] += [f"{distance:.2f}" for distance in distances[:, place]]
    labels = ["generated", *(f"{place}. nearest" for place in range(1, num_neighbours + 1))]
    caption = f"Nearest of {len(train):,} training photos, by {features.measured_with}"
    return Findings(sheets={caption: PictureSheet(rows=rows, row_labels=labels, captions=captions)})
