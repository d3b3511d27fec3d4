"""Measures pictures drawn from words: what they show of what was asked for, and how fast they are drawn.

    python tests/benchmarks/descriptions.py sheet --source PRESET_OR_RUN --output sheet.png
    python tests/benchmarks/descriptions.py asked --source PRESET_OR_RUN --judge RUN --data-dir DIR
    python tests/benchmarks/descriptions.py matches --source PRESET_OR_RUN --data-dir DIR
    python tests/benchmarks/descriptions.py speed --source PRESET_OR_RUN

`asked` counts how often category and colour are those that were asked for: by attributes, by captions in
phrasings of the training and in others, and for pairs of category and colour that the training left out. A
classifier that had no part in the training judges the category, and the rule of `zoo data build --derive
colour` the colour, on the pixels that are not white. Real test photos are judged too.

`matches` is R-precision (Xu et al. 2018, arXiv 1711.10485): how often a picture's caption fits it better than
99 captions of other pictures, by two encoders that are trained here on the real training photos alone.
"""

import argparse
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from training.colour.product_colour import judge_colour  # noqa: E402
from training.data.data_sets import load_data_set  # noqa: E402
from training.evaluation.judge import judge_pictures  # noqa: E402
from training.input.captions import (  # noqa: E402
    HELD_OUT_PHRASINGS,
    PHRASINGS,
    caption_words,
    make_captions,
)
from training.input.labelled_pictures import read_pictures  # noqa: E402
from training.input.unseen_pairs import unseen_pairs  # noqa: E402
from training.pages.picture_sheet import PictureSheet  # noqa: E402
from training.trained_model import load_run_or_preset  # noqa: E402
from zoo.latent_flow.words import MOST_WORDS, to_word_ids  # noqa: E402
from zoo.pictures import pixels, resize  # noqa: E402

DESCRIPTIONS = (
    "a red dress",
    "dark blue trousers",
    "light grey t-shirt",
    "black shoes",
    "a white shirt",
    "brown jacket",
    "pink skirt",
    "blue shorts, plain",
    "green hat",
    "a long black coat",
    "printed white tee",
    "wide blue pullover",
    "patterned dress in purple",
    "yellow t-shirt",
    "grey trousers, slim",
    "light brown footwear",
)
DRAWINGS_PER_DESCRIPTION = 4
BATCH = 32
WHITE_GROUND = 245
NUM_RIVALS, ENCODER_SIDE, ENCODING, ENCODER_STEPS, ENCODER_BATCH = 99, 64, 64, 900, 96


def load_model(options):
    model = load_run_or_preset(options.source).model
    if options.words_alone:
        model.meanings = {}
    return model


def draw(model, texts, seed: int = 0, ids=None) -> np.ndarray:
    """Draws a picture for each text, with noise from the seed; `ids` asks for attributes besides."""
    count = len(texts)
    noise = np.random.default_rng(seed).normal(size=(count, model.latent_dim)).astype("float32")
    ids = ids or dict.fromkeys(model.attributes, np.full(count, -1, "int32"))
    if model.meanings:
        ids, word_ids, _ = model.understand(tf.constant(texts), ids)
    else:
        word_ids = to_word_ids(model.words, tf.constant(texts))
    compiled = tf.function(lambda *inputs: pixels.from_model_range(model(*inputs), model.pixel_range))
    pictures = []
    for start in range(0, count, BATCH):
        rows = slice(start, start + BATCH)
        pictures.append(
            compiled(
                noise[rows], {name: values[rows] for name, values in ids.items()}, word_ids[rows]
            ).numpy()
        )
    return np.concatenate(pictures)


def find_colours(pictures) -> list[str]:
    """Returns the colour that the rule sees on the pixels that are not white, whatever its confidence."""
    opacity = 255 * (pictures.min(axis=-1, keepdims=True) < WHITE_GROUND).astype("uint8")
    return [judge_colour(picture).best for picture in np.concatenate([pictures, opacity], axis=-1)]


def find_hits(judge, attributes, pictures, ids) -> tuple[np.ndarray, np.ndarray]:
    """Returns whether category and colour are right, bool `[N]` each."""
    categories = judge_pictures(judge, pictures)["category"].argmax(axis=1)
    names = np.array([judge.attributes["category"][number] for number in categories])
    colours = np.array(find_colours(pictures))
    return (
        names == np.array(attributes["category"])[ids["category"]],
        colours == np.array(attributes["colour"])[ids["colour"]],
    )


def tell(name: str, hits) -> None:
    category, colour = hits
    both = category & colour
    print(
        f"{name:44} {len(both):5} {category.mean():9.2f} {colour.mean():7.2f} {both.mean():6.2f}", flush=True
    )


def measure_asked(options) -> None:
    model = load_model(options)
    judge = load_run_or_preset(options.judge).model
    data_set = load_data_set(options.dataset, options.data_dir)
    attributes = data_set.attributes
    test = read_pictures(data_set, "test", model.image_size, 3, options.count, 0)
    known = np.flatnonzero((test.attribute_ids["category"] >= 0) & (test.attribute_ids["colour"] >= 0))
    test = test.take(known)
    print(f"{'':44} {'n':>5} {'category':>9} {'colour':>7} {'both':>6}")
    tell("real test photos", find_hits(judge, attributes, test.raw_images, test.attribute_ids))
    ids = test.attribute_ids
    drawn = draw(model, [""] * len(test), 0, ids)
    tell("asked for by attributes", find_hits(judge, attributes, drawn, ids))
    for name, phrasings in (
        ("phrasings of the training", PHRASINGS[:4]),
        ("other phrasings", HELD_OUT_PHRASINGS),
    ):
        # Captions that name both attributes; the pictures measured by their words are the test photos.
        texts = captions_of(attributes, test, phrasings, seed=1)
        tell(f"asked for by captions, {name}", find_hits(judge, attributes, draw(model, texts, 1), ids))
    table = unseen_pairs(attributes, options.unseen_pairs)
    pairs = np.argwhere(table)
    if len(pairs):
        pairs = np.repeat(pairs, options.per_pair, axis=0)
        ids = {"category": pairs[:, 0].astype("int32"), "colour": pairs[:, 1].astype("int32")}
        tell(
            "pairs left out, by attributes",
            find_hits(judge, attributes, draw(model, [""] * len(pairs), 2, ids), ids),
        )
        texts = [
            f"{attributes['colour'][colour]} {attributes['category'][category]}" for category, colour in pairs
        ]
        tell("pairs left out, by words", find_hits(judge, attributes, draw(model, texts, 2), ids))


def captions_of(attributes, pictures, phrasings=PHRASINGS, seed: int = 0) -> list[str]:
    made = make_captions(attributes, pictures.raw_images, pictures.attribute_ids, [seed, 0], phrasings)
    return [text.decode() for text in made.numpy()]


def build_encoders(num_words: int):
    """Builds a small encoder of pictures and one of words, both to unit vectors."""
    layers = keras.layers
    images = keras.Input((ENCODER_SIDE, ENCODER_SIDE, 3))
    x = layers.Rescaling(1 / 127.5, -1)(images)
    for width in (24, 48, 96, 128):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(128, activation="relu")(layers.Dropout(0.3)(layers.Flatten()(x)))
    picture_encoder = keras.Model(images, layers.UnitNormalization()(layers.Dense(ENCODING)(x)))
    word_ids = keras.Input((MOST_WORDS,), dtype="int32")
    words = layers.Embedding(num_words + 2, 96, mask_zero=True)(word_ids)
    pooled = layers.GlobalAveragePooling1D()(words)
    pooled = layers.Dense(128, activation="relu")(pooled)
    return picture_encoder, keras.Model(word_ids, layers.UnitNormalization()(layers.Dense(ENCODING)(pooled)))


def train_encoders(data_set, words):
    """Trains both encoders so that pictures and their captions resemble each other (CLIP's loss)."""
    pictures = read_pictures(data_set, "train", ENCODER_SIDE, 3, 10**6, 0)
    keras.utils.set_random_seed(0)
    encoders = build_encoders(len(words))
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, ENCODER_STEPS))
    variables = [*encoders[0].trainable_variables, *encoders[1].trainable_variables]

    @tf.function
    def step(images, word_ids):
        with tf.GradientTape() as tape:
            scores = 14.0 * tf.matmul(
                encoders[0](images, training=True), encoders[1](word_ids, training=True), transpose_b=True
            )
            # Rows with the same caption are no rivals.
            is_same = tf.reduce_all(word_ids[:, tf.newaxis] == word_ids[tf.newaxis], axis=-1)
            target = tf.cast(is_same, "float32")
            target /= tf.reduce_sum(target, axis=1, keepdims=True)
            losses = [
                tf.nn.softmax_cross_entropy_with_logits(target, each)
                for each in (scores, tf.transpose(scores))
            ]
            loss = tf.reduce_mean(losses)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    rng = np.random.default_rng(0)
    for number in range(ENCODER_STEPS):
        chosen = pictures.take(rng.choice(len(pictures), ENCODER_BATCH, replace=False))
        texts = captions_of(data_set.attributes, chosen, seed=number)
        images = chosen.raw_images[:, :, ::-1] if number % 2 else chosen.raw_images
        step(tf.constant(images), to_word_ids(words, tf.constant(texts)))
    return encoders


def r_precision(encoders, words, pictures, texts) -> tuple[float, float]:
    """Returns the share of pictures whose own caption fits best among 100, and the share within ten."""
    small = resize.to_square(pictures, ENCODER_SIDE)
    of_pictures = encoders[0].predict(small, verbose=0)
    of_texts = encoders[1].predict(to_word_ids(words, tf.constant(texts)), verbose=0)
    rng = np.random.default_rng(0)
    ranks = []
    for row, picture in enumerate(of_pictures):
        rivals = [number for number in range(len(texts)) if texts[number] != texts[row]]
        rivals = rng.choice(rivals, min(NUM_RIVALS, len(rivals)), replace=False)
        ranks.append(np.sum(of_texts[rivals] @ picture >= of_texts[row] @ picture))
    return float(np.mean(np.array(ranks) == 0)), float(np.mean(np.array(ranks) < 10))


def measure_matches(options) -> None:
    model = load_model(options)
    data_set = load_data_set(options.dataset, options.data_dir)
    words = caption_words(data_set.attributes)
    encoders = train_encoders(data_set, words)
    test = read_pictures(data_set, "test", model.image_size, 3, options.count, 0)
    texts = captions_of(data_set.attributes, test, seed=7)
    drawn = draw(model, texts, 3)
    rolled = np.roll(drawn, 1, axis=0)
    for name, pictures in (
        ("real test photos", test.raw_images),
        ("drawn from captions", drawn),
        ("other captions' drawings", rolled),
    ):
        best, ten = r_precision(encoders, words, pictures, texts)
        print(f"{name:28} R-precision {best:.2f}, within ten {ten:.2f} (n = {len(texts)})", flush=True)


def measure_speed(options) -> None:
    model = load_model(options)
    ids = dict.fromkeys(model.attributes, tf.constant([-1]))
    word_ids = to_word_ids(model.words, tf.constant(["a red dress"]))
    noise = tf.random.stateless_normal([1, model.latent_dim], [0, 0])
    for steps in (model.steps, 20):
        compiled = tf.function(
            lambda noise, steps=steps: model.draw(noise, ids, word_ids, steps, model.guidance)
        )
        compiled(noise)
        times = []
        for _ in range(7):
            start = time.perf_counter()
            compiled(noise)
            times.append(time.perf_counter() - start)
        print(f"{steps} steps: {np.median(times):.2f} s per picture of {model.image_size} pixels")


def draw_sheet(options) -> None:
    model = load_model(options)
    texts = [text for text in DESCRIPTIONS for _ in range(DRAWINGS_PER_DESCRIPTION)]
    pictures = draw(model, texts)
    columns = 2
    per_row = DRAWINGS_PER_DESCRIPTION * columns
    rows = [list(pictures[start : start + per_row]) for start in range(0, len(pictures), per_row)]
    captions = [texts[start : start + per_row] for start in range(0, len(texts), per_row)]
    shown = [
        [text if place % DRAWINGS_PER_DESCRIPTION == 0 else "" for place, text in enumerate(row)]
        for row in captions
    ]
    Image.fromarray(PictureSheet(rows=rows, captions=shown).draw()).save(options.output, quality=90)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["sheet", "asked", "matches", "speed"])
    parser.add_argument("--source", default="flow_clothing_128", help="Preset or run of latent_flow.")
    parser.add_argument("--judge", help="Run of a classifier on the same data, for `asked`.")
    parser.add_argument("--dataset", default="clothing_white")
    parser.add_argument("--data-dir")
    parser.add_argument("--count", type=int, default=1000, help="Most test photos.")
    parser.add_argument("--per-pair", type=int, default=16, help="Pictures per pair that was left out.")
    parser.add_argument("--unseen-pairs", type=float, default=0.15, help="Share that the training left out.")
    parser.add_argument("--output", type=Path, default=Path("descriptions.png"))
    parser.add_argument(
        "--words-alone", action="store_true", help="Let no word ask for the attribute's value that it means."
    )
    options = parser.parse_args()
    functions = {
        "sheet": draw_sheet,
        "asked": measure_asked,
        "matches": measure_matches,
        "speed": measure_speed,
    }
    functions[options.what](options)


if __name__ == "__main__":
    main()
