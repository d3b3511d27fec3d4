"""`zoo evaluate`: scores of finished runs, the report, and judges that do not fit."""

import dataclasses
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from served_runs import files_in, run_zoo, trained_run

from training import evaluation, preparation, run_directory
from training.evaluation import evaluate_run
from training.recipes import RECIPES
from training.run_or_preset import Source
from zoo import presets
from zoo.conditional_vae import ConditionalVAE
from zoo.dcgan import DCGAN

MODELS = ("dcgan", "conditional_vae", "srcnn", "classifier")


@pytest.fixture
def run_of(make_small_config):
    return lambda model: trained_run(model, make_small_config)


@pytest.fixture(scope="module")
def evaluated(make_small_config, tmp_path_factory):
    """For each model the scores returned, and the directory of the files."""
    outputs = {}
    for model in MODELS:
        output = tmp_path_factory.mktemp("evaluated") / "new" / model
        judge = trained_run("conditional_vae", make_small_config) if model == "dcgan" else None
        run = trained_run(model, make_small_config)
        outputs[model] = evaluate_run(run, judge_run=judge, output=output), output
    return outputs


@pytest.mark.parametrize("model", MODELS)
def test_scores_are_means_over_the_test_pictures(evaluated, run_of, small_data_set, model):
    """The batches are of 3 pictures and of 1: a mean over batches, or over steps, would be another."""
    config, keras_model = run_directory.read_config(run_of(model)), run_directory.load_model(run_of(model))
    RECIPES[model].compile_model(keras_model, config)
    sums, num_images = {}, []
    for batch in RECIPES[model].make_evaluation_batches(config, small_data_set, "test"):
        keras_model.reset_metrics()
        num_images.append(len(batch[0]))
        for name, value in keras_model.test_step(batch).items():
            sums[name] = sums.get(name, 0.0) + num_images[-1] * float(value)
    assert num_images == [3, 1]
    scores, _ = evaluated[model]
    assert sums.keys() <= scores.keys()
    for name, value in sums.items():
        assert scores[name] == pytest.approx(value / 4, rel=1e-5), name


@pytest.mark.parametrize("model", MODELS)
def test_evaluation_file_says_what_was_scored_on_what(evaluated, model):
    scores, output = evaluated[model]
    assert files_in(output) == ["evaluation.json", "report.html"]
    assert json.loads((output / "evaluation.json").read_text()) == {
        "model": model,
        "dataset": "rendered_catalog",
        "split": "test",
        "num_images": 4,
        "judge": "conditional_vae" if model == "dcgan" else None,
        "scores": scores,
    }
    assert all(isinstance(value, float) and math.isfinite(value) for value in scores.values())


@pytest.mark.parametrize("model", MODELS)
def test_report_shows_scores_and_pictures(evaluated, model):
    scores, output = evaluated[model]
    page = (output / "report.html").read_text()
    assert f"<h1>{model} on rendered_catalog</h1>" in page
    assert "4 test pictures. Pictures from drawings, not photos" in page
    for name, value in scores.items():
        assert f"<td>{name}</td><td>{value:.4g}</td>" in page
    assert page.count("data:image/png;base64,") == 1


def test_judge_scores_generated_pictures_with_real_ones_beside_them(evaluated, run_of, small_data_set):
    scores, _ = evaluated["dcgan"]
    judge, config = (
        run_directory.load_model(run_of("conditional_vae")),
        run_directory.read_config(run_of("dcgan")),
    )
    hits = []
    for raw_images, ids in RECIPES["dcgan"].make_evaluation_batches(config, small_data_set, "test"):
        for name, probabilities in judge.judge(raw_images).items():
            hits += list(np.argmax(probabilities, axis=-1) == ids[name])
    assert scores["scored_images"] == 4
    assert scores["attribute_accuracy_of_real_images"] == pytest.approx(np.mean(hits))
    assert 0.0 <= scores["attribute_accuracy"] <= 1.0
    assert scores["frechet_distance_on_judge_features"] > 0.0
    assert scores["frechet_distance_of_real_train_images"] > 0.0


def test_a_classifier_judges_too(run_of, tmp_path):
    scores = evaluate_run(run_of("dcgan"), judge_run=run_of("classifier"), output=tmp_path)
    own = evaluate_run(run_of("classifier"), output=tmp_path / "own")
    mean = np.mean([own[f"{name}_accuracy"] for name in ("category", "colour", "pattern")])
    assert scores["attribute_accuracy_of_real_images"] == pytest.approx(mean)
    assert scores["frechet_distance_on_judge_features"] > 0.0


def build_judge(attributes, image_size=16, channels=3):
    return ConditionalVAE(attributes, image_size=image_size, channels=channels, latent_dim=2, width=2)


@dataclasses.dataclass(frozen=True)
class Built(Source):
    model: object


def with_models(monkeypatch, models):
    """Lets runs be of models that the test has built; those that do not exist are called by their path."""
    find = evaluation.find_run_or_preset

    def find_built(text):
        config = find(text).config if Path(text).exists() else None
        return Built("run", Path(text).name, Path(text), config, models[Path(text)])

    monkeypatch.setattr(
        evaluation,
        "find_run_or_preset",
        lambda text: find_built(text) if Path(text) in models else find(text),
    )


def test_judge_judges_the_attributes_of_the_model_among_those_of_itself_and_of_the_data_set(
    run_of, small_data_set, monkeypatch, tmp_path
):
    attributes = {name: small_data_set.attributes[name] for name in ("category", "colour")}
    model = DCGAN(attributes, image_size=16, channels=3, latent_dim=2, width=2)
    judge = build_judge({**attributes, "material": ["wool", "silk"]})
    with_models(monkeypatch, {run_of("dcgan"): model, tmp_path / "judge": judge})
    scores = evaluate_run(run_of("dcgan"), judge_run=tmp_path / "judge", output=tmp_path)
    # Two attributes of four pictures.
    assert scores["attribute_accuracy"] in np.arange(9) / 8


def test_judge_of_another_kind_is_refused(run_of, tmp_path):
    message = "The judge must be a classifier or conditional_vae run.*Received: .*srcnn, a SRCNN."
    with pytest.raises(ValueError, match=message):
        evaluate_run(run_of("dcgan"), judge_run=run_of("srcnn"), output=tmp_path / "output")
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize("model", ["srcnn", "conditional_vae"])
def test_judge_with_nothing_to_judge_is_refused(run_of, tmp_path, model):
    with pytest.raises(ValueError, match="Only what a dcgan generates is judged. Received: a judge for a "):
        evaluate_run(run_of(model), judge_run=run_of("conditional_vae"), output=tmp_path / "output")
    assert not (tmp_path / "output").exists()


WRONG_JUDGES = {
    "other values": (
        lambda attributes: build_judge({**attributes, "colour": ["red", "blue"]}),
        "colour (red, blue)",
    ),
    "no colour": (
        lambda attributes: build_judge({name: attributes[name] for name in ("category", "pattern")}),
        "Received: category (",
    ),
    "another size": (lambda attributes: build_judge(attributes, image_size=32), "image_size=32, channels=3."),
    "grey": (lambda attributes: build_judge(attributes, channels=1), "image_size=16, channels=1."),
}


@pytest.mark.parametrize("key", WRONG_JUDGES)
def test_judge_that_does_not_fit_is_refused(run_of, small_data_set, monkeypatch, tmp_path, key):
    build, message = WRONG_JUDGES[key]
    with_models(monkeypatch, {tmp_path / "judge": build(small_data_set.attributes)})
    with pytest.raises(ValueError, match="The judge must ") as raised:
        evaluate_run(run_of("dcgan"), judge_run=tmp_path / "judge", output=tmp_path / "output")
    assert message in str(raised.value)
    assert not (tmp_path / "output").exists()


def test_data_set_with_other_attributes_is_refused(run_of, small_data_set, monkeypatch, tmp_path):
    other = dataclasses.replace(small_data_set, attributes={"category": ("dress", "shirt")})
    monkeypatch.setattr(evaluation, "load_data_set", lambda name, data_dir: other)
    message = (
        r"The data set must have the attributes.*category \(t-shirt, .*Received: category \(dress, shirt\)"
    )
    with pytest.raises(ValueError, match=message):
        evaluate_run(run_of("conditional_vae"), output=tmp_path / "output")
    assert not (tmp_path / "output").exists()


def test_names_are_escaped_in_the_report(run_of, small_data_set, monkeypatch, tmp_path):
    nasty = dataclasses.replace(small_data_set, source="<script>alert(1)</script>")
    monkeypatch.setattr(evaluation, "load_data_set", lambda name, data_dir: nasty)
    monkeypatch.setattr(type(RECIPES["srcnn"]), "score", lambda *arguments, **options: {"<i>psnr</i>": 1.0})
    evaluate_run(run_of("srcnn"), dataset="<b>catalog</b>", output=tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "<h1>srcnn on &lt;b&gt;catalog&lt;/b&gt;</h1>" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<td>&lt;i&gt;psnr&lt;/i&gt;</td><td>1</td>" in page
    assert not any(tag in page for tag in ("<script", "<b>", "<i>"))


def test_command_prints_scores_and_writes_into_the_run(capsys, run_of, tmp_path):
    run = Path(shutil.copytree(run_of("srcnn"), tmp_path / "run"))
    before = set(files_in(run))
    code, out, _ = run_zoo(capsys, "evaluate", run)
    assert code == 0
    assert set(files_in(run)) - before == {"evaluation.json", "report.html"}
    scores = json.loads((run / "evaluation.json").read_text())["scores"]
    assert out.splitlines() == [
        *(f"{name}: {value:.6g}" for name, value in scores.items()),
        f"Report: {run / 'report.html'}",
    ]


def test_a_preset_is_scored_as_its_run(capsys, run_of, presets_dir, small_data_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preparation, "default_data_dir", lambda: small_data_dir)
    expected = evaluate_run(run_of("srcnn"), output=tmp_path / "run")
    code, out, _ = run_zoo(capsys, "evaluate", "srcnn_x2")
    assert code == 0
    assert out.splitlines()[-1] == "Report: evaluations/srcnn_x2/report.html"
    scores = json.loads((tmp_path / "evaluations" / "srcnn_x2" / "evaluation.json").read_text())["scores"]
    assert scores == pytest.approx(expected)
    judged = evaluate_run("tiny_dcgan", judge_run="tiny_cvae", output=tmp_path / "judged")
    assert judged["scored_images"] == 4
    assert json.loads((tmp_path / "judged" / "evaluation.json").read_text())["judge"] == "tiny_cvae"


@pytest.fixture
def no_presets(monkeypatch, tmp_path):
    monkeypatch.setattr(presets, "DIRECTORY", tmp_path / "no-presets")


def test_dry_run_checks_the_run_and_writes_nothing(capsys, run_of, no_presets, tmp_path):
    output = tmp_path / "output"
    code, out, _ = run_zoo(capsys, "evaluate", run_of("srcnn"), "--output", output, "--dry-run")
    assert (code, out) == (0, f"Would write {output}/evaluation.json and report.html\n")
    assert not output.exists()
    code, _, error = run_zoo(capsys, "evaluate", tmp_path / "no-run", "--dry-run")
    message = "A run directory or the name of a preset is needed. "
    assert (code, error) == (1, f"{message}Received: {tmp_path}/no-run, which is neither. Presets: none.")


@pytest.mark.parametrize(
    ("options", "exit_code", "message"),
    [
        (
            ["--dataset", "no_catalog"],
            2,
            "Unknown data set. Received: 'no_catalog'. Known: fashion_mnist, rendered_catalog.",
        ),
        (["--judge", "no-run"], 1, "is needed. Received: no-run, which is neither. Presets: none."),
        (["--output", "a-file"], 1, "a-file"),
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
