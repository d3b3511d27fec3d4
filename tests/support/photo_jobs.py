"""A job that needs no model: it turns photos into their negatives, and can be run as a process of its own.

python tests/support/photo_jobs.py OUTPUT PHOTO... [--resume] [--workers N]
"""

import contextlib
import dataclasses
import sys
import time
from pathlib import Path

from serving.jobs.photo_job import JobOptions, run_photo_job
from serving.pictures.task import Converted, Result
from zoo.pictures.photo_writer import Writing


@dataclasses.dataclass(frozen=True)
class Negatives:
    """Turns photos into their negatives; a `PhotoTask`."""

    endings: tuple[str, ...] = ("",)
    png_endings: tuple[str, ...] = ("-mask",)
    makes_transparent: bool = False
    growth: float = 1.0
    pause_seconds: float = 0.0
    confidence: float | None = None

    def convert(self, photo, source):
        time.sleep(self.pause_seconds)
        negative = photo.changed(255 - photo.to_srgb())
        results = [Result(ending, negative) for ending in self.endings if ending != "-mask"]
        if "-mask" in self.endings:
            results.append(Result("-mask", Writing("png").write(negative)))
        return Converted(results, self.confidence, "it is a drawing")

    def describe(self):
        return {"command": "negatives", "endings": list(self.endings)}


class NoModel:
    """Takes the place of `SourceOptions`."""

    server = None

    def open(self):
        return contextlib.nullcontext(None)

    def describe(self):
        return "no model"


def run_negatives(output, *photos, task=None, **options) -> None:
    """Runs the job on photos and folders; options are those of `JobOptions`."""
    job = JobOptions(tuple(map(Path, photos)), Path(output), **options)
    run_photo_job(job, NoModel(), lambda source: task or Negatives())


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    run_negatives(
        *words,
        task=Negatives(pause_seconds=0.005),
        resume="--resume" in sys.argv,
        num_workers=2,
    )
