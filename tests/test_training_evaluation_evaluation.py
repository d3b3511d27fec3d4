"""`zoo evaluate`: scores of finished runs, the report, and judges that do not fit the model."""

import dataclasses
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from served_runs import files_in, run_zoo, trained_run

from training import trained_model
from training.data import preparation
from training.evaluation import enlargements, evaluation
from training.evaluation.evaluation import evaluate_run
from training.evaluation.findings import Findings
from training.recipes.base.registry import RECIPES
from training.runs import run_directory
from training.runs.score import Score, format_score
from zoo.cli import main
from zoo.presets import registry

pytestmark = pytest.mark.usefixtures("few_repeats")
JUDGED = ("dcgan", "conditional_vae")
MODELS = (*JUDGED, "srcnn", "classifier")


@pytest.fixture(scope="module")
def evaluated(make_small_config, tmp_path_factory, few_repeats):
    """The evaluation of each model."""
    found = {}
    for model in MODELS:
        output = tmp_path_factory.mktemp("evaluated") / "new" / model
        judge = trained_run("conditional_vae", make_small_config) if model in JUDGED else None
        run = trained_run(model, make_small_config)
        found[model] = evaluate_run(run, judge=judge, output=output)
    return found


@pytest.mark.parametrize("model", ["dcgan", "conditional_vae"])
def test_scores_are_means_over_the_test_pictures(evaluated, run_of, small_data_set, model):
    """The batches are of 3 pictures and of 1: a mean over batches, or over steps, would be another."""
    config, keras_model = run_directory.read_config(run_of(model)), trained_model.load_model(run_of(model))
    RECIPES[model].compile_model(keras_model, config)
    sums, num_images = {}, []
    for batch in RECIPES[model].make_evaluation_batches(config, small_data_set, "test"):
        keras_model.reset_metrics()
        num_images.append(len(batch[0]))
        for name, value in keras_model.test_step(batch).items():
            sums[name] = sums.get(name, 0.0) + num_images[-1] * float(value)
    assert num_images == [3, 1]
    scores = evaluated[model].findings.scores
    assert sums.keys() <= scores.keys()
    for name in sums.keys() - {"diversity"}:
        assert scores[name].value == pytest.approx(sums[name] / 4, rel=1e-5), name


@pytest.mark.parametrize("model", MODELS)
def test_evaluation_file_says_what_was_scored_on_what(evaluated, model):
    found = evaluated[model]
    assert files_in(found.output) == ["evaluation.json", "report.html"]
    written = json.loads((found.output / "evaluation.json").read_text())
    scores, notes = written.pop("scores"), written.pop("warnings")
    judge = "conditional_vae" if model in JUDGED else None
    assert written == {
        "model": model,
        "source": model,
        "dataset": "rendered_catalog",
        "split": "test",
        "num_images": 4,
        "num_samples": 10_000,
        "judge": judge,
        "extractor": judge,
        "seed": 0,
    }
    assert scores == {name: score.to_json() for name, score in found.findings.scores.items()}
    assert notes == found.findings.notes
    for score in scores.values():
        assert math.isfinite(score["value"])
        assert score["unit"]
        assert score["measured_with"]
        assert score["num_samples"] >= 1


@pytest.mark.parametrize("model", MODELS)
def test_report_shows_scores_beside_baselines_and_pictures(evaluated, model):
    page = (evaluated[model].output / "report.html").read_text()
    assert f"<h1>{model} on rendered_catalog</h1>" in page
    assert "4 test pictures. Pictures from drawings, not photos" in page
    findings = evaluated[model].findings
    for name, score in findings.scores.items():
        assert f"<td>{name}</td><td>{format_score(score)}{score.mark}</td><td>{score.unit}</td>" in page
        if score.baseline is not None:
            cells = f"<td>{format_score(score.baseline)}</td><td>{score.baseline_name}</td>"
            assert cells in page
    for note in findings.notes:
        assert f"<p class=warning>{note}</p>" in page
    assert page.count("data:image/png;base64,") == len(findings.sheets)


SHEETS = {
    "dcgan": ["Samples", "Best and worst", "Nearest of 32", "Interpolation", "Traversal"],
    "conditional_vae": [
        "Samples",
        "Best and worst by",
        "Nearest of 32",
        "Interpolation",
        "Traversal",
        "Best and worst reconstructions",
    ],
    "srcnn": ["Best by PSNR", "Worst by PSNR"],
    "classifier": ["Samples"],
}


@pytest.mark.parametrize("model", MODELS)
def test_sheets_of_each_kind(evaluated, model):
    captions = list(evaluated[model].findings.sheets)
    assert len(captions) == len(SHEETS[model])
    for caption, start in zip(captions, SHEETS[model], strict=True):
        assert caption.startswith(start)


def test_few_pictures_are_said(evaluated):
    notes = " ".join(evaluated["dcgan"].findings.notes)
    assert (
        "The Frechet distance is biased upwards, because it was measured on fewer than 2,048 samples: 4 "
        "generated pictures and 4 test photos."
    ) in notes
    assert "Precision and recall are omitted: they need more than 5 pictures." in notes
    assert "NIQE is omitted: it needs pictures of at least 32 pixels a side, not 16." in notes


def test_model_that_judges_itself_is_said(evaluated):
    assert "The model judges itself: such scores mean little." in evaluated["conditional_vae"].findings.notes
    assert "The model judges itself" not in " ".join(evaluated["dcgan"].findings.notes)


def test_judge_scores_generated_pictures_with_real_ones_beside_them(evaluated, run_of, small_data_set):
    scores = evaluated["dcgan"].findings.scores
    judge, config = (
        trained_model.load_model(run_of("conditional_vae")),
        run_directory.read_config(run_of("dcgan")),
    )
    hits = {name: [] for name in small_data_set.attributes}
    for raw_images, ids in RECIPES["dcgan"].make_evaluation_batches(config, small_data_set, "test"):
        for name, probabilities in judge.judge(raw_images).items():
            hits[name] += list(np.argmax(probabilities, axis=-1) == ids[name])
    for name in small_data_set.attributes:
        score = scores[f"conditional_accuracy_{name}"]
        assert score.baseline.value == pytest.approx(np.mean(hits[name]))
        assert score.baseline_name == "real test pictures"
        assert 0.0 <= score.value <= 1.0
    assert scores["frechet_distance"].value > 0.0
    assert scores["frechet_distance"].baseline.value > 0.0


def test_edits_of_every_attribute_are_scored(evaluated, small_data_set):
    scores = evaluated["conditional_vae"].findings.scores
    for name in small_data_set.attributes:
        assert scores[f"{name}_edit_accuracy"].baseline_name == "real test pictures"
        for what in ("others_kept", "background_change", "feature_distance"):
            assert scores[f"{name}_edit_{what}"].baseline_name == "reconstructions without an edit"
    assert scores["colour_edit_accuracy_by_colour_rule"].measured_with == "colour rule"
    assert "pattern_edit_accuracy_by_colour_rule" not in scores


def test_data_set_with_other_attributes_is_refused(run_of, small_data_set, monkeypatch, tmp_path):
    other = dataclasses.replace(small_data_set, attributes={"category": ("dress", "shirt")})
    monkeypatch.setattr(evaluation, "open_data_set", lambda *_: other)
    message = (
        r"The data set must have the attributes.*category \(t-shirt, .*Received: category \(dress, shirt\)"
    )
    with pytest.raises(ValueError, match=message):
        evaluate_run(run_of("conditional_vae"), output=tmp_path / "output")
    assert not (tmp_path / "output").exists()


def test_names_are_escaped_in_the_report(run_of, small_data_set, monkeypatch, tmp_path):
    nasty = dataclasses.replace(small_data_set, source="<script>alert(1)</script>")
    found = Findings({"<i>psnr</i>": Score(1.0, "dB", 4, "luma")}, notes=["<u>few</u>"])
    monkeypatch.setattr(evaluation, "open_data_set", lambda *_: nasty)
    monkeypatch.setattr(enlargements, "score_enlargements", lambda *arguments: found)
    evaluate_run(run_of("srcnn"), dataset="<b>catalog</b>", output=tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "<h1>srcnn on &lt;b&gt;catalog&lt;/b&gt;</h1>" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<td>&lt;i&gt;psnr&lt;/i&gt;</td><td>1</td>" in page
    assert not any(tag in page for tag in ("<script", "<b>", "<i>", "<u>"))


def test_command_prints_scores_and_writes_into_the_run(capsys, run_of, tmp_path):
    run = Path(shutil.copytree(run_of("srcnn"), tmp_path / "run"))
    before = set(files_in(run))
    code, out, _ = run_zoo(capsys, "evaluate", run)
    assert code == 0
    assert set(files_in(run)) - before == {"evaluation.json", "report.html"}
    scores = json.loads((run / "evaluation.json").read_text())["scores"]
    lines = out.splitlines()
    assert [line.split(":")[0] for line in lines] == [*scores, "Report"]
    assert f"{scores['psnr']['value']:.4g}" in lines[0]
    assert f"; bicubic: {scores['psnr']['baseline']['value']:.4g}" in lines[0]
    assert lines[-1] == f"Report: {run / 'report.html'}"
    card = (run / "model_card.md").read_text()
    assert card.startswith("# srcnn on rendered_catalog")
    assert card.count("## Scores on the test pictures") == card.count("| psnr_gain |") == 1
    # Another evaluation takes its place.
    assert run_zoo(capsys, "evaluate", run, "--samples", 2)[0] == 0
    assert (run / "model_card.md").read_text().count("## Scores on the test pictures") == 1


def test_few_samples_are_warned_of_on_the_command_line(capsys, run_of, tmp_path):
    main_arguments = ["evaluate", run_of("dcgan"), "--judge", run_of("conditional_vae"), "--output", tmp_path]
    with pytest.raises(SystemExit):
        main([str(argument) for argument in main_arguments])
    assert "Warning: The Frechet distance is biased upwards" in capsys.readouterr().err


def test_folder_of_pictures_is_scored_as_it_is(capsys, run_of, tmp_path):
    random = np.random.default_rng(0)
    for name, shape in (("grey.png", (33, 40)), ("colour.png", (36, 30, 3))):
        Image.fromarray(random.integers(0, 256, shape, dtype="uint8")).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    output = tmp_path / "output"
    code, _, _ = run_zoo(capsys, "evaluate", run_of("srcnn"), "--images", tmp_path, "--output", output)
    assert code == 0
    written = json.loads((output / "evaluation.json").read_text())
    assert (written["dataset"], written["split"], written["num_images"]) == (tmp_path.name, "", 2)
    assert {name: written["scores"][name]["num_samples"] for name in ("psnr", "ssim", "psnr_rgb")} == {
        "psnr": 2,
        "ssim": 2,
        "psnr_rgb": 1,
    }


def test_a_single_picture_is_scored_without_an_interval_and_warned_of(capsys, run_of, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (33, 40), dtype="uint8")).save(
        tmp_path / "a.png"
    )
    output = tmp_path / "output"
    arguments = ["evaluate", run_of("srcnn"), "--images", tmp_path, "--output", output]
    with pytest.raises(SystemExit):
        main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    written = json.loads((output / "evaluation.json").read_text())
    score = written["scores"]["psnr"]
    assert (score["interval"], score["baseline"]["interval"], score["num_samples"]) == (None, None, 1)
    assert f"psnr: {score['value']:.4g} dB; bicubic: {score['baseline']['value']:.4g}\n" in printed.out
    warning = "The scores are of a single photo and without intervals. Fewer than 10 photos say little"
    assert f"Warning: {warning}" in printed.err
    assert f"<p class=warning>{warning}" in (output / "report.html").read_text()
    assert warning in " ".join(written["warnings"])


@pytest.mark.parametrize(("num_pictures", "is_warned"), [(9, True), (10, False)])
def test_few_pictures_of_a_folder_are_warned_of(run_of, tmp_path, num_pictures, is_warned):
    for number in range(num_pictures):
        picture = np.random.default_rng(number).integers(0, 256, (12, 12), dtype="uint8")
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    notes = evaluate_run(run_of("srcnn"), images=tmp_path, output=tmp_path / "output").findings.notes
    assert ("The scores are of 9 photos. Fewer than 10" in " ".join(notes)) == is_warned


def test_folder_of_pictures_is_for_super_resolution(capsys, run_of, tmp_path):
    code, _, error = run_zoo(capsys, "evaluate", run_of("dcgan"), "--images", tmp_path)
    assert code == 2
    assert (
        "`--images` needs a model of photos without attributes: super-resolution, clean, cutout or recolour."
        in error
    )


@pytest.mark.slow
def test_a_preset_is_scored_as_its_run(capsys, run_of, presets_dir, small_data_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preparation, "default_data_dir", lambda: small_data_dir)
    expected = evaluate_run(run_of("srcnn"), output=tmp_path / "run")
    code, out, _ = run_zoo(capsys, "evaluate", "srcnn_x2")
    assert code == 0
    assert out.splitlines()[-1] == "Report: evaluations/srcnn_x2/report.html"
    scores = json.loads((tmp_path / "evaluations" / "srcnn_x2" / "evaluation.json").read_text())["scores"]
    assert scores["psnr"] == expected.findings.scores["psnr"].to_json()
    evaluate_run("tiny_dcgan", judge="tiny_cvae", output=tmp_path / "judged")
    assert json.loads((tmp_path / "judged" / "evaluation.json").read_text())["judge"] == "tiny_cvae"


@pytest.fixture
def no_presets(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "DIRECTORY", tmp_path / "no-presets")


def test_dry_run_checks_the_run_and_writes_nothing(capsys, run_of, no_presets, tmp_path):
    output = tmp_path / "output"
    code, out, _ = run_zoo(capsys, "evaluate", run_of("srcnn"), "--output", output, "--dry-run")
    assert (code, out) == (0, f"Would write {output}/evaluation.json and report.html\n")
    assert not output.exists()
    code, _, error = run_zoo(capsys, "evaluate", tmp_path / "no-run", "--dry-run")
    message = "A trained model must be a run directory or the name of a preset. "
    assert (code, error) == (1, f"{message}Received: {tmp_path}/no-run, which is neither. Presets: none.")


@pytest.mark.parametrize(
    ("options", "exit_code", "message"),
    [
        (
            ["--dataset", "no_catalog"],
            2,
            "Unknown data set. Received: 'no_catalog'. Known: fashion_mnist, rendered_catalog.",
        ),
        (["--judge", "no-run"], 1, "of a preset. Received: no-run, which is neither. Presets: none."),
        (["--output", "a-file"], 2, "a-file"),
    ],
)
@pytest.mark.usefixtures("no_presets")
def test_what_is_wrong_is_one_line(capsys, run_of, tmp_path, monkeypatch, options, exit_code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").write_text("")
    run = Path(shutil.copytree(run_of("dcgan"), tmp_path / "run"))
    code, _, error = run_zoo(capsys, "evaluate", run, *options)
    assert code == exit_code
    assert message in error
    assert not (run / "evaluation.json").exists()
