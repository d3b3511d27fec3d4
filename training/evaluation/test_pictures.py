"""Scores a model on test photos with its own `test_step`, and draws the sheet of samples."""

from collections.abc import Callable

from training.evaluation.findings import Findings
from training.evaluation.subject import Subject
from training.runs.score import Score


def make_stages(subject: Subject) -> dict[str, Callable[[], Findings]]:
    """Returns the stages that draw the sheet of samples and compute the recipe's scores."""
    return {
        "samples": lambda: Findings(
            sheets={
                "Samples": subject.recipe.draw_samples(subject.model, subject.config, subject.scored_data_set)
            }
        ),
        "test pictures": lambda: _score_by_recipe(subject),
    }


def _score_by_recipe(subject: Subject) -> Findings:
    values = subject.recipe.score(subject.model, subject.config, subject.scored_data_set)
    num_images = subject.scored_data_set.num_images["test"]
    return Findings(
        {name: Score(float(value), _unit(name), num_images, "test_step") for name, value in values.items()}
    )


def _unit(name: str) -> str:
    if name.endswith("psnr"):
        return "dB"
    return "share" if "accuracy" in name else "as trained"
