"""Scores a run or a preset on test pictures; leaves `evaluation.json` and `report.html`."""

import dataclasses
import json
from pathlib import Path

from training import run_directory
from training.atomic_write import write_text
from training.data_selection import open_data_set
from training.html_page import HtmlPage
from training.recipes import RECIPES
from training.run_or_preset import Source, find_run_or_preset
from zoo.classifier import Classifier
from zoo.conditional_vae import ConditionalVAE
from zoo.dcgan import DCGAN


def evaluate_run(
    run: Path | str,
    dataset: str | None = None,
    judge_run: Path | str | None = None,
    output: Path | None = None,
) -> dict[str, float]:
    """Scores the finished model of a run, or a preset.

    Args:
        run: Run directory, or the name of a preset.
        dataset: Data set whose test pictures are used; that of the run by default.
        judge_run: Finished run, or preset, of a classifier or conditional VAE that judges generated
            pictures; None leaves those scores out.
        output: Directory that gets the files; `default_output` by default.

    Returns:
        Scores by name: dB for `psnr`, nats a picture for the losses of the conditional VAE, squared units of
        the judge's features for Frechet distances, shares in [0, 1] for accuracies.

    Raises:
        FileNotFoundError: There is no such run or preset, or the run has not finished.
        ValueError: The judge is no classifier, knows other attributes or pictures of another size, or
            has nothing to judge; or the data set has other attributes.
    """
    # Not where the training kept its pictures: this may be another machine.
    source = find_run_or_preset(str(run))
    config = dataclasses.replace(source.config, cache=None)
    if dataset is not None:
        config = dataclasses.replace(config, dataset=dataset)
    model = source.model
    data_set = open_data_set(config)
    _check_attributes("The data set", getattr(model, "attributes", {}), data_set.attributes)
    judge_source = find_run_or_preset(str(judge_run)) if judge_run else None
    judge = _load_judge(judge_source, model) if judge_source else None
    output = output or default_output(source)
    output.mkdir(parents=True, exist_ok=True)

    recipe = RECIPES[config.model]
    scores = {
        name: float(value) for name, value in recipe.score(model, config, data_set, judge=judge).items()
    }
    evaluation = {
        "model": config.model,
        "dataset": config.dataset,
        "split": "test",
        "num_images": data_set.num_images["test"],
        "judge": judge_source.name if judge_source else None,
        "scores": scores,
    }
    write_text(output / run_directory.EVALUATION, json.dumps(evaluation, indent=2) + "\n")
    page = HtmlPage(f"{config.model} on {config.dataset}")
    page.add_text(f"{data_set.num_images['test']:,} test pictures. {data_set.source}")
    page.add_table(["score", "value"], [[name, f"{value:.4g}"] for name, value in scores.items()])
    page.add_sheet("Samples", recipe.draw_samples(model, config, data_set))
    write_text(output / run_directory.REPORT, page.render())
    return scores


def default_output(source: Source) -> Path:
    """Returns where an evaluation is left: in the run directory; of a preset in `evaluations/<preset>`."""
    return source.directory if source.kind == "run" else Path("evaluations", source.name)


def _load_judge(source: Source, model):
    if not isinstance(model, DCGAN):
        raise ValueError(
            "Only what a dcgan generates is judged. "
            f"Received: a judge for a {type(model).__name__}. Leave `--judge` out."
        )
    judge = source.model
    if not isinstance(judge, Classifier | ConditionalVAE):
        raise ValueError(
            "The judge must be a classifier or conditional_vae run, because others do not judge. "
            f"Received: {source.name}, a {type(judge).__name__}."
        )
    _check_attributes("The judge", model.attributes, judge.attributes)
    if (judge.image_size, judge.channels) != (model.image_size, model.channels):
        raise ValueError(
            "The judge must judge pictures of the size and channels that the model makes: "
            f"image_size={model.image_size}, channels={model.channels}. Received: {source.name} with "
            f"image_size={judge.image_size}, channels={judge.channels}."
        )
    return judge


def _check_attributes(what: str, of_model, received) -> None:
    different = [name for name, values in of_model.items() if received.get(name) != values]
    if different:
        raise ValueError(
            f"{what} must have the attributes that the model was trained with: {_describe(of_model)}. "
            f"Received: {_describe(received)}."
        )


def _describe(attributes) -> str:
    return "; ".join(f"{name} ({', '.join(values)})" for name, values in attributes.items()) or "none"
