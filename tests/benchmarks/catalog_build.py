"""Measures the speed and memory of building a catalogue.

Run it as `python tests/benchmarks/catalog_build.py`; with `--rows 100000` it needs about 15 GB of disk. The
photos are drawn by code: 400 x 500 JPEG with the detail of a photo. With more rows than `--distinct` they
repeat with another comment in the file, so that no two files are equal.
"""

import argparse
import concurrent.futures
import csv
import datetime
import io
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np  # noqa: E402 - after the path is set
import psutil  # noqa: E402
from PIL import Image, ImageDraw, ImageFilter  # noqa: E402

WIDTH, HEIGHT = 400, 500
CATEGORIES = [f"category {number}" for number in range(10)]


def draw_jpeg(seed: int) -> bytes:
    """Draws grainy shapes on a gradient: about 50 KB at quality 85, like a photo of the same size."""
    random = np.random.default_rng(seed)
    corners = Image.fromarray(random.integers(60, 256, (3, 3, 3), dtype="uint8"))
    picture = corners.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        left, top = random.integers(0, WIDTH - 50), random.integers(0, HEIGHT - 50)
        box = [left, top, left + random.integers(20, 250), top + random.integers(20, 250)]
        colour = tuple(random.integers(0, 256, 3).tolist())
        (draw.ellipse if random.random() < 0.5 else draw.rectangle)(list(map(int, box)), fill=colour)
    grain = random.normal(0, 9, (HEIGHT, WIDTH, 1))
    pixels = np.asarray(picture.filter(ImageFilter.GaussianBlur(1))) + grain
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def write_catalog(directory: Path, num_rows: int, num_distinct: int) -> float:
    """Writes photos and table; returns the photos' mean size in bytes."""
    (directory / "photos").mkdir()
    with concurrent.futures.ProcessPoolExecutor() as pool:
        jpegs = list(pool.map(draw_jpeg, range(min(num_rows, num_distinct)), chunksize=50))
    with open(directory / "catalog.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "category", "description", "price"])
        for row in range(num_rows):
            jpeg = jpegs[row % len(jpegs)]
            comment = b"\xff\xfe\x00\x0a" + f"{row:08d}".encode()
            (directory / "photos" / f"{row}.jpg").write_bytes(jpeg[:2] + comment + jpeg[2:])
            writer.writerow([f"{row}.jpg", CATEGORIES[row % 10], f"Product {row}, drawn by code.", row / 100])
    return sum(map(len, jpegs)) / len(jpegs)


def processor_seconds() -> float:
    """Returns the processor time of this process and its finished children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class PeakMemory:
    """Peak memory of this process and its children together, sampled ten times per second."""

    def __init__(self):
        self.total_bytes = self.own_bytes = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._is_over.set()
        self._thread.join()

    def _watch(self):
        process = psutil.Process()
        while not self._is_over.wait(0.1):
            try:
                own = process.memory_info().rss
                children = sum(child.memory_info().rss for child in process.children(recursive=True))
            except psutil.NoSuchProcess:
                continue
            self.own_bytes = max(self.own_bytes, own)
            self.total_bytes = max(self.total_bytes, own + children)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--distinct", type=int, default=4000, help="photos that do not look alike")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--workers", type=int, default=None, help="one a processor by default")
    parser.add_argument("--directory", type=Path, default=None, help="where to work; by default temporary")
    arguments = parser.parse_args()

    from training.data.catalog import builder as catalog_builder
    from training.data.catalog.settings import CatalogSettings

    directory = Path(tempfile.mkdtemp(prefix="catalog-build-", dir=arguments.directory))
    try:
        jpeg_bytes = write_catalog(directory, arguments.rows, arguments.distinct)
        now = datetime.datetime.now().isoformat(" ", "seconds")
        print(f"{now}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
        print(f"{arguments.rows:,} JPEGs of {WIDTH} x {HEIGHT}, {jpeg_bytes / 1000:.0f} KB each", flush=True)
        settings = CatalogSettings(
            images_dir=directory / "photos",
            table=directory / "catalog.csv",
            size=arguments.size,
            num_workers=arguments.workers,
        )
        start, processor_start = time.perf_counter(), processor_seconds()
        with PeakMemory() as memory:
            catalog_builder.prepare("benchmark", directory / "data", settings)
        seconds = time.perf_counter() - start
        per_photo = (processor_seconds() - processor_start) / arguments.rows
        print(f"to {arguments.size} pixels: {arguments.rows / seconds:,.0f} photos/s ({seconds:.1f} s)")
        print(f"processor time: {per_photo * 1000:.2f} ms a photo, all processes together")
        print(
            f"peak memory: {memory.total_bytes / 2**30:.2f} GiB with all processes, "
            f"{memory.own_bytes / 2**30:.2f} GiB the main one"
        )
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
