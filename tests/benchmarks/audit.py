"""Measures `zoo audit` on photos with planted faults and on photos without any, and its speed.

    python tests/benchmarks/audit.py --photos DIR [--table FILE]

Photos without fault are real ones, cut out and laid on white as a market place asks for. Each planted fault
is put into twenty of them, and what can be mended is mended and audited again.
"""

import argparse
import contextlib
import io
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import held_out_photos  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image, ImageDraw, ImageFilter  # noqa: E402

from serving.audit.findings import audit  # noqa: E402
from serving.audit.measures import measure_photo  # noqa: E402
from serving.audit.mending import NotMendedError, open_mender  # noqa: E402
from serving.audit.rules import Place, Rule  # noqa: E402
from serving.audit.run_audit import mask_finder  # noqa: E402
from serving.client.access import ServerAccess  # noqa: E402
from serving.pictures.cutting_out import PRESET, CuttingOut  # noqa: E402
from serving.pictures.source import open_source  # noqa: E402
from zoo.pictures.grounds import Placing  # noqa: E402
from zoo.pictures.photo import Photo  # noqa: E402

# About the size that the photos have: enlarged ones would not be sharp.
SIDE, QUALITY, PER_FAULT = 480, 92, 20
TIMED_SIDE = 1000
PLACE = Place(
    *("all", "all rules at once", False, (), "2026-11"),
    (
        Rule("format", one_of=("jpeg", "png")),
        Rule("has_own_ending", equals=True),
        Rule("shortest_side", at_least=SIDE),
        Rule("ratio", equals=1.0),
        Rule("colours", one_of=("rgb",)),
        Rule("bits", at_most=8),
        Rule("jpeg_quality", at_least=90),
        Rule("sharpness", at_least=0.6),
        Rule("has_frame", equals=False),
        Rule("white_ground", at_least=0.98),
        Rule("fill", at_least=0.83),
        Rule("is_cut_off", equals=False),
    ),
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    held_out_photos.add_arguments(parser, count=200)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as opened:
        source = opened.enter_context(open_source(None, ServerAccess(), None, None, PRESET, ("cutout",)))
        find_mask = mask_finder(source)
        clean = [lay_on_white(path, source) for path in held_out_photos.draw_paths(arguments)]
        clean = [picture for picture in clean if picture is not None]
        print(f"{len(clean)} photos without fault")
        measure_false_alarms(clean, find_mask)
        mender = opened.enter_context(open_mender(source))
        generator = np.random.default_rng(0)
        totals = [0, 0]
        for name, (measure, plant) in FAULTS.items():
            chosen = generator.permutation(len(clean))[:PER_FAULT]
            found = mended = 0
            for index in chosen:
                content, path = plant(clean[index], generator)
                found += measure in broken(content, path, find_mask)
                if name not in UNMENDABLE:
                    mended += is_mended(content, path, find_mask, mender)
            if name in UNMENDABLE:
                print(f"{name}: {found} of {len(chosen)} found", flush=True)
                continue
            totals = [totals[0] + mended, totals[1] + len(chosen)]
            print(f"{name}: {found} of {len(chosen)} found, {mended} mended", flush=True)
        print(f"mended: {totals[0]} of {totals[1]}")
        measure_speed(clean, find_mask)


def lay_on_white(path, source):
    photo = Photo.read(path.read_bytes())
    task = CuttingOut((255, 255, 255), placing=Placing((SIDE, SIDE), 0.87))
    try:
        return Image.fromarray(task.convert(photo, source).results[0].picture.to_srgb())
    except ValueError:  # no product was found
        return None


def encode(picture, kind="JPEG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **{"quality": QUALITY, **options})
    return buffer.getvalue()


def broken(content, path, find_mask):
    """Returns the measures whose rule a photo breaks."""
    values = measure_photo(content, path, find_mask)
    return {
        rule.measure
        for rule in PLACE.rules
        if rule.measure in values and not rule.allows(values[rule.measure])
    }


def is_mended(content, path, find_mask, mender):
    """Returns whether a photo passes once it is mended; what the mender refuses does not."""
    try:
        mended = mender.mend(content, measure_photo(content, path, find_mask), PLACE)
    except NotMendedError:
        return False
    return not broken(mended.content, Path("a" + mended.suffix), find_mask)


def measure_false_alarms(clean, find_mask):
    alarms = [broken(encode(picture), Path("a.jpg"), find_mask) for picture in clean]
    print(f"false alarms: {sum(map(bool, alarms))} of {len(alarms)} photos")
    for rule in PLACE.rules:
        count = sum(rule.measure in one for one in alarms)
        if count:
            print(f"  {rule.measure}: {count}")


def measure_speed(clean, find_mask):
    contents = [encode(picture.resize((TIMED_SIDE, TIMED_SIDE))) for picture in clean[:40]]
    for name, finder in (("with masks", find_mask), ("without masks", None)):
        started = time.perf_counter()
        for content in contents:
            audit(Path("a.jpg"), measure_photo(content, Path("a.jpg"), finder), [PLACE])
        seconds = time.perf_counter() - started
        print(f"{name}: {60 * len(contents) / seconds:.0f} photos a minute, one at a time")


def framed(picture, generator):
    changed = picture.copy()
    colour = tuple(int(level) for level in generator.integers(0, 200, 3))
    box = (0, 0, picture.width - 1, picture.height - 1)
    ImageDraw.Draw(changed).rectangle(box, outline=colour, width=int(generator.integers(1, 13)))
    return encode(changed), Path("a.jpg")


def blurred(picture, generator):
    return encode(picture.filter(ImageFilter.GaussianBlur(generator.uniform(2, 4)))), Path("a.jpg")


def greyish(picture, generator):
    level = int(generator.integers(225, 247))
    darker = picture.point(lambda value: value * level // 255)
    return encode(darker), Path("a.jpg")


def cut_off(picture, generator):
    left = int(picture.width * generator.uniform(0.2, 0.35))
    cut = picture.crop((left, 0, picture.width, picture.height))
    return encode(cut.resize(picture.size)), Path("a.jpg")


def distant(picture, generator):
    share = generator.uniform(0.5, 0.9)
    small = picture.resize([round(side * share) for side in picture.size])
    changed = Image.new("RGB", picture.size, (255, 255, 255))
    changed.paste(small, [(one - other) // 2 for one, other in zip(picture.size, small.size, strict=True)])
    return encode(changed), Path("a.jpg")


def deep(picture, generator):
    grey = np.asarray(picture.convert("L"), "uint16") * 257
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG")
    return buffer.getvalue(), Path("a.png")


FAULTS = {
    "a frame": ("has_frame", framed),
    "blur": ("sharpness", blurred),
    "a ground that is not white": ("white_ground", greyish),
    "cut off by a border": ("is_cut_off", cut_off),
    "too small in the frame": ("fill", distant),
    "JPEG quality 40 to 85": (
        "jpeg_quality",
        lambda picture, generator: (encode(picture, quality=int(generator.integers(40, 86))), Path("a.jpg")),
    ),
    "too few pixels": (
        "shortest_side",
        lambda picture, generator: (encode(picture.resize((400, 400))), Path("a.jpg")),
    ),
    "another ratio": (
        "ratio",
        lambda picture, generator: (encode(picture.resize((SIDE, round(1.1 * SIDE)))), Path("a.jpg")),
    ),
    "CMYK": ("colours", lambda picture, generator: (encode(picture.convert("CMYK")), Path("a.jpg"))),
    "WebP": ("format", lambda picture, generator: (encode(picture, "WEBP"), Path("a.webp"))),
    "PNG named .jpg": ("has_own_ending", lambda picture, generator: (encode(picture, "PNG"), Path("a.jpg"))),
    "16 bits": ("bits", deep),
}

# Nothing mends these without inventing.
UNMENDABLE = ("blur", "cut off by a border")

if __name__ == "__main__":
    main()
