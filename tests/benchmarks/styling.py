"""Measures style transfer on held-out photos, beside other ways; its speed and its seams; a sheet to look at.

    python tests/benchmarks/styling.py compare|speed|tiles|strengths|sheet --photos DIR [--table FILE]

`compare` needs `--loss-network FILE`, on which Gatys' optimisation runs. Effect and content are those of
`training/evaluation/stylings.py`: no network and nothing that was trained.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import held_out_photos  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from PIL import Image  # noqa: E402

from serving.client.access import ServerAccess  # noqa: E402
from serving.pictures.stylising import NOTHING, PRODUCT, Stylising  # noqa: E402
from serving.pictures.task import SourceOptions  # noqa: E402
from training.evaluation.measures.bootstrap import mean_interval  # noqa: E402
from training.evaluation.stylings import find_content, find_effect  # noqa: E402
from training.style.colour_transfer import transfer_colours  # noqa: E402
from training.style.losses import StyleLosses  # noqa: E402
from training.style.style_pictures import DRAWN, read_styles  # noqa: E402
from training.trained_model import load_run_or_preset  # noqa: E402
from zoo.pictures.photo import Photo  # noqa: E402
from zoo.style import style_transfer  # noqa: E402

# Sides of the photos to compare on, at the scale of the style pictures.
COMPARED_SIDE, TIMED_SIDE, TILED_SHAPE = 384, 512, (1500, 2000)
GATYS_STEPS, GATYS_RATE = 300, 4.0
STRENGTHS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
SHOWN_SIDE = 200


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("compare", "speed", "tiles", "strengths", "sheet"))
    held_out_photos.add_arguments(parser, count=12)
    parser.add_argument("--model", default="styles", help="run or preset")
    parser.add_argument("--styles", default=DRAWN, help="folder of the style pictures")
    parser.add_argument("--loss-network", type=Path, help="weights file, for `compare`")
    parser.add_argument("--keep", choices=(NOTHING, PRODUCT), default=NOTHING, help="for `sheet`")
    parser.add_argument("--output", type=Path, default=Path("styles.png"))
    arguments = parser.parse_args()
    paths = held_out_photos.draw_paths(arguments)
    if arguments.part == "sheet":
        make_sheet(arguments, paths)
        return
    model = load_run_or_preset(arguments.model).model
    styles = read_styles(arguments.styles)
    if arguments.part == "compare":
        compare(model, styles, [read_small(path) for path in paths], arguments)
    elif arguments.part == "strengths":
        measure_strengths(model, styles, [read_small(path) for path in paths])
    elif arguments.part == "speed":
        measure_speed(model)
    else:
        measure_tiles(model, paths)


def read_small(path: Path) -> np.ndarray:
    """Reads a photo with the longer side of `COMPARED_SIDE` pixels."""
    picture = Image.fromarray(held_out_photos.read(path))
    picture.thumbnail((COMPARED_SIDE, COMPARED_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def draw(model, raw_image, style: int, strength: float = 1.0) -> np.ndarray:
    mixture = np.eye(len(model.styles), dtype="float32")[[style]]
    return np.asarray(model.stylise(raw_image[np.newaxis], mixture, np.array([strength], "float32")))[0]


def compare(model, styles, raw_images, arguments):
    """Prints effect and content of the network, Gatys' optimisation, Reinhard's transfer and the photo."""
    losses = StyleLosses(arguments.loss_network, list(styles.values()))
    rows: dict[str, list[list[float]]] = {}
    cells = []
    for raw_image in raw_images:
        for style, (name, example) in enumerate(styles.items()):
            started = time.perf_counter()
            optimised = optimise(losses, raw_image, style, model.content_weight)
            seconds = time.perf_counter() - started
            pictures = {
                "network": draw(model, raw_image, style),
                "Gatys": optimised,
                "Reinhard": transfer_colours(raw_image, example),
                "photo": raw_image,
            }
            cells.append(list(pictures.values()))
            for way, picture in pictures.items():
                scores = [find_effect(raw_image, picture, example), find_content(raw_image, picture)]
                rows.setdefault(way, []).append(scores)
                rows.setdefault(f"{way}, {name}", []).append(scores)
    print(f"Gatys, {GATYS_STEPS} steps: {seconds:.0f} s per picture")
    for way, scores in rows.items():
        effects, contents = np.array(scores).T
        low, high = mean_interval(effects)
        print(f"{way}: effect {effects.mean():.3f} ({low:.3f} to {high:.3f}), SSIM {contents.mean():.3f}")
    save_grid([[fit(picture) for picture in row] for row in cells], arguments.output)


def optimise(losses, raw_image, style: int, content_weight: float) -> np.ndarray:
    """Redraws a photo by changing its pixels until the losses are small, beginning with the photo."""
    photos = tf.cast(raw_image[np.newaxis], "float32")
    drawn = tf.Variable(photos)
    optimizer = keras.optimizers.Adam(GATYS_RATE)
    optimizer.build([drawn])

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            content, likeness = losses(photos, drawn, tf.constant([style]))
            loss = content_weight * content + likeness
        optimizer.apply_gradients([(tape.gradient(loss, drawn), drawn)])
        drawn.assign(tf.clip_by_value(drawn, 0.0, 255.0))

    for _ in range(GATYS_STEPS):
        step()
    return drawn.numpy()[0].round().astype("uint8")


def measure_strengths(model, styles, raw_images):
    """Prints effect and content at several strengths: both should change steadily."""
    for strength in STRENGTHS:
        scores = []
        for raw_image in raw_images:
            for style, example in enumerate(styles.values()):
                picture = draw(model, raw_image, style, strength)
                scores.append([find_effect(raw_image, picture, example), find_content(raw_image, picture)])
        effect, content = np.mean(scores, axis=0)
        print(f"strength {strength}: effect {effect:.3f}, SSIM {content:.3f}")


def measure_speed(model):
    stylise = tf.function(model.stylise)
    raw_images = tf.zeros([1, TIMED_SIDE, TIMED_SIDE, 3], "uint8")
    mixtures = tf.one_hot([0], len(model.styles))
    stylise(raw_images, mixtures, tf.ones([1]))
    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        stylise(raw_images, mixtures, tf.ones([1]))
        seconds.append(time.perf_counter() - started)
    print(f"{TIMED_SIDE} x {TIMED_SIDE}: {np.median(seconds):.3f} s")


def measure_tiles(model, paths):
    """Prints how near tiles are to the whole picture in one piece, by the photo."""
    limit = style_transfer.MAX_TILE_PIXELS
    for path in paths:
        picture = Image.fromarray(held_out_photos.read(path))
        raw_image = np.asarray(picture.resize(TILED_SHAPE[::-1], Image.Resampling.BICUBIC))
        in_tiles = draw(model, raw_image, 0).astype("float64")
        style_transfer.MAX_TILE_PIXELS = 1 << 25
        whole = draw(model, raw_image, 0).astype("float64")
        style_transfer.MAX_TILE_PIXELS = limit
        error = np.square(in_tiles - whole).mean()
        print(f"{path.name}: {10 * np.log10(255**2 / max(error, 1e-9)):.1f} dB")


def make_sheet(arguments, paths):
    """Draws a row per photo: the photo, then each style."""
    names = list(read_styles(arguments.styles))
    is_preset = not Path(arguments.model).is_dir()
    run, preset = (None, arguments.model) if is_preset else (Path(arguments.model), None)
    cutter = SourceOptions(None, ServerAccess(), None, None, "cutout_products", ("cutout",))
    options = SourceOptions(None, ServerAccess(), None, run, preset, ("stylise",), beside=cutter)
    with options.open() as source:
        rows = []
        for path in paths:
            photo = Photo.read(path.read_bytes())
            row = [photo.to_srgb()]
            for name in names:
                converted = Stylising(name, keep=arguments.keep).convert(photo, source)
                row.append(converted.results[0].picture.to_srgb())
            rows.append([fit(picture) for picture in row])
    save_grid(rows, arguments.output)


def fit(raw_image: np.ndarray) -> Image.Image:
    cell = Image.new("RGB", (SHOWN_SIDE, SHOWN_SIDE), (255, 255, 255))
    picture = Image.fromarray(raw_image)
    picture.thumbnail(cell.size, Image.Resampling.LANCZOS)
    cell.paste(picture, ((SHOWN_SIDE - picture.width) // 2, (SHOWN_SIDE - picture.height) // 2))
    return cell


def save_grid(rows, output: Path):
    step = SHOWN_SIDE + 6
    sheet = Image.new("RGB", (step * len(rows[0]), step * len(rows)), (255, 255, 255))
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            sheet.paste(cell, (column * step, row * step))
    sheet.save(output)
    print(f"Wrote {output}")


if __name__ == "__main__":
    main()
