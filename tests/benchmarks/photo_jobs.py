"""Measures jobs on folders of photos: what survives kills, memory, throughput, hostile files, colours, Beam.

    python tests/benchmarks/photo_jobs.py kills         # 10,000 photos, five SIGKILLs
    python tests/benchmarks/photo_jobs.py throughput    # against the bare model in a loop
    python tests/benchmarks/photo_jobs.py hostile       # 300 hostile files among 1,000 photos
    python tests/benchmarks/photo_jobs.py colours       # Display P3 and Adobe RGB through the commands
    python tests/benchmarks/photo_jobs.py beam          # the direct runner against the local one

Photos are crops of those in --photos, 100 to 400 pixels a side; without it, of the demo's twelve.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests" / "support"))

from zoo.pictures.photo import Photo  # noqa: E402
from zoo.pictures.photo_writer import Writing  # noqa: E402

ZOO = [sys.executable, "-m", "zoo"]
NUM_KILLS = 5


def make_folder(folder: Path, sources: Path, count: int, seed: int = 0) -> None:
    """Writes crops of photos as JPEG files, 100 to 400 pixels a side, in folders of a thousand."""
    draw = random.Random(seed)
    pictures = [Image.open(path).convert("RGB") for path in sorted(sources.glob("*.jpg"))[:200]]
    for number in range(count):
        picture = draw.choice(pictures)
        width, height = (min(draw.randint(100, 400), side) for side in picture.size)
        left, top = (
            draw.randint(0, side - part) for side, part in zip(picture.size, (width, height), strict=True)
        )
        path = folder / f"{number // 1000:02}" / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.crop((left, top, left + width, top + height)).save(path, quality=90)


def contents(folder: Path) -> dict[str, int]:
    """Returns a hash of every result by its name."""
    names = (path for path in sorted(folder.rglob("*")) if path.is_file() and ".zoo-job" not in path.parts)
    return {str(path.relative_to(folder)): hash(path.read_bytes()) for path in names}


def num_done(output: Path) -> int:
    """Returns the number of photos that a job's journal calls done."""
    try:
        with open(output / ".zoo-job" / "journal.jsonl", "rb") as file:
            return sum(line.startswith(b'{"done"') for line in file)
    except FileNotFoundError:
        return 0


def memory(process: subprocess.Popen) -> int:
    """Returns a process's resident memory in bytes."""
    with open(f"/proc/{process.pid}/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run(*words, **options) -> subprocess.CompletedProcess:
    return subprocess.run([*ZOO, *map(str, words)], cwd=ROOT, capture_output=True, text=True, **options)


def measure_kills(options, work: Path) -> dict:
    make_folder(work / "in", options.photos, options.count)
    command = [*ZOO, "upscale", str(work / "in"), "--output"]
    growth = []
    process = subprocess.Popen([*command, str(work / "whole")], cwd=ROOT, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if num_done(work / "whole") >= 1000:
            growth.append(memory(process))
        time.sleep(1)
    draw = random.Random(1)
    begun = 0
    for kill in range(NUM_KILLS + 1):
        words = [*command, str(work / "killed"), *(["--resume"] if kill else [])]
        process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL)
        if kill < NUM_KILLS:
            stop = (kill + draw.uniform(0.2, 1)) * options.count / (NUM_KILLS + 1)
            while num_done(work / "killed") < stop and process.poll() is None:
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
        process.wait()
    with open(work / "killed" / ".zoo-job" / "journal.jsonl", "rb") as file:
        begun = sum(line.startswith(b'{"begun"') for line in file)
    return {
        "photos": options.count,
        "equal bytes": contents(work / "killed") == contents(work / "whole"),
        "done again, share": begun / options.count - 1,
        "memory after the first thousand, MiB": growth[0] / 2**20,
        "growth until the end, MiB": (growth[-1] - growth[0]) / 2**20,
        "largest growth, MiB": (max(growth) - growth[0]) / 2**20,
    }


def measure_throughput(options, work: Path) -> dict:
    from export.signatures.of_models import make_signatures
    from training.trained_model import find_preset

    make_folder(work / "in", options.photos, options.count)
    found = {}
    for preset, name, words in (
        ("fsrcnn_x2", "upscale", ["upscale"]),
        ("cutout_products", "cutout_png", ["cutout", "--background", "white"]),
    ):
        signatures = {signature.name: signature for signature in make_signatures(find_preset(preset).model)}
        photos = [Photo.read(path.read_bytes()).to_srgb() for path in sorted((work / "in").rglob("*.jpg"))]

        def ask(photo, signature=signatures[name], name=name):
            if name == "upscale":
                return signature.run({"images": photo[None]})
            from zoo.pictures.photo_writer import write_png

            file = np.array([write_png(photo)], dtype=object)
            return signature.run({"image_bytes": file, "background": np.array([""], dtype=object)})

        for photo in photos[:50]:
            ask(photo)
        start = time.perf_counter()
        for photo in photos:
            ask(photo)
        bare = len(photos) / (time.perf_counter() - start)
        times = []
        for count in (50, len(photos)):
            folder = work / f"{preset}-{count}"
            folder.mkdir()
            for path in sorted((work / "in").rglob("*.jpg"))[:count]:
                (folder / path.name).symlink_to(path)
            start = time.perf_counter()
            ended = run(*words, folder, "--output", work / f"{preset}-{count}-out")
            times.append(time.perf_counter() - start)
            if "Wrote" not in ended.stdout:
                raise RuntimeError(ended.stderr)
        job = (len(photos) - 50) / (times[1] - times[0])  # without the start
        found[preset] = {"bare photos/s": bare, "job photos/s": job, "ratio": job / bare}
    return found


def measure_hostile(options, work: Path) -> dict:
    make_folder(work / "in", options.photos, 1000)
    good = sorted((work / "in").rglob("*.jpg"))
    draw = random.Random(2)
    for number in range(300):
        content = bytearray(draw.choice(good).read_bytes())
        path = work / "in" / f"hostile{number:03}.{draw.choice(['jpg', 'png', 'webp', 'tif'])}"
        kind = number % 10
        if kind == 0:
            content = bytearray()
        elif kind == 1:
            content = content[: draw.randrange(2, 600)]
        elif kind == 2:
            content = bytearray(draw.randbytes(5000))
        elif kind == 3:
            content = bytearray(b"%PDF-1.7" + draw.randbytes(100))
        elif kind == 4:
            header = (60_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
            from zoo.pictures.png_chunks import SIGNATURE, pack_chunk

            content = bytearray(SIGNATURE + pack_chunk(b"IHDR", header) + pack_chunk(b"IEND", b""))
        elif kind == 5:
            path.symlink_to(work / "gone.jpg")
            continue
        elif kind == 6:
            path.symlink_to(path)
            continue
        elif kind == 7:
            content = bytearray(b"II*\0" + draw.randbytes(300))
        elif kind == 8:
            content = bytearray(b"RIFF\xff\xff\xff\xffWEBPVP8 " + draw.randbytes(300))
        else:
            content = bytearray(b"GIF89a" + draw.randbytes(6))
        path.write_bytes(content)
    ended = run("upscale", work / "in", "--output", work / "out")
    results = [name for name in contents(work / "out") if name != "failed.csv"]
    rows = (work / "out" / "failed.csv").read_text().splitlines()[1:]
    return {"exit code": ended.returncode, "results": len(results), "rows": len(rows)}


def measure_colours(options, work: Path) -> dict:
    from icc import SPACES, make_profile

    from training.evaluation.measures.colour_difference import ciede2000, to_lab
    from zoo.pictures.colour_profiles import to_srgb

    found = {}
    for name in ("in", "srgb"):
        (work / name).mkdir()
    profiles = {space: make_profile(space) for space in SPACES}
    for space, profile in profiles.items():
        for path in sorted(options.photos.glob("*.jpg"))[:12]:
            photo = Photo(np.asarray(Image.open(path).convert("RGB")), profile=profile)
            (work / "in" / f"{space}-{path.stem}.png").write_bytes(Writing().write(photo))
            in_srgb = Photo(to_srgb(photo.pixels, profile))
            (work / "srgb" / f"{space}-{path.stem}.png").write_bytes(Writing().write(in_srgb))
    run("upscale", work / "in", "--output", work / "upscaled")
    # Cleaning changes colours itself: its result is compared with that of the same photo without a profile.
    run("clean", work / "in", "--output", work / "cleaned")
    run("clean", work / "srgb", "--output", work / "cleaned_srgb")
    run("recolour", work / "in", "--to", "red", "--mask", "--output", work / "recoloured")
    for space, profile in profiles.items():
        errors, cleaned, grounds = [], [], []
        for path in sorted((work / "in").glob(f"{space}-*.png")):
            before = Photo.read(path.read_bytes())
            size = before.size
            large = Image.fromarray(Photo.read((work / "upscaled" / path.name).read_bytes()).pixels)
            small = np.asarray(large.resize(size, Image.Resampling.BOX))
            seen = [to_srgb(pixels, profile) for pixels in (before.pixels, small)]
            errors.append(float(np.mean(ciede2000(*map(to_lab, seen)))))
            after = to_srgb(Photo.read((work / "cleaned" / path.name).read_bytes()).pixels, profile)
            seen = [after, Photo.read((work / "cleaned_srgb" / path.name).read_bytes()).pixels]
            cleaned.append(float(np.mean(ciede2000(*map(to_lab, seen)))))
            recoloured = work / "recoloured" / f"{path.stem}-red.png"
            if recoloured.exists():
                mask = np.asarray(Image.open(work / "recoloured" / f"{path.stem}-mask.png"))
                after = Photo.read(recoloured.read_bytes())
                seen = [to_srgb(photo.pixels, profile) for photo in (before, after)]
                error = ciede2000(*map(to_lab, seen))
                grounds.append(float(np.mean(error[mask == 0])))
        found[space] = {
            "upscale, mean dE00": np.mean(errors),
            "clean": np.mean(cleaned),
            "recolour, ground": np.mean(grounds),
        }
    return found


def measure_beam(options, work: Path) -> dict:
    make_folder(work / "in", options.photos, options.count)
    times = {}
    for runner in ("local", "beam"):
        taken = []
        for count in (50, options.count):
            folder = work / f"{runner}-{count}"
            folder.mkdir()
            for path in sorted((work / "in").rglob("*.jpg"))[:count]:
                (folder / path.name).symlink_to(path)
            start = time.perf_counter()
            ended = run("upscale", folder, "--output", work / f"{runner}-{count}-out", "--runner", runner)
            taken.append(time.perf_counter() - start)
            if "Wrote" not in ended.stdout:
                raise RuntimeError(ended.stderr)
        times[runner] = taken[1] - taken[0]
    return {
        **{f"{runner}, seconds": value for runner, value in times.items()},
        "ratio": times["beam"] / times["local"],
    }


def main() -> None:
    """Prints what was measured."""
    parts = {
        "kills": (measure_kills, 10_000),
        "throughput": (measure_throughput, 1_000),
        "hostile": (measure_hostile, 1_000),
        "colours": (measure_colours, 12),
        "beam": (measure_beam, 1_000),
    }
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("part", choices=parts)
    parser.add_argument("--photos", type=Path, default=ROOT / "serving" / "demo" / "photos")
    parser.add_argument("--count", type=int)
    options = parser.parse_args()
    measure, count = parts[options.part]
    options.count = options.count or count
    with tempfile.TemporaryDirectory() as work:
        print(json.dumps(measure(options, Path(work)), indent=1, default=float))


if __name__ == "__main__":
    main()
