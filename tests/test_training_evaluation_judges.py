"""Judges: the scores they give, and judges that are refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from training import trained_model
from training.evaluation.evaluation import evaluate_run
from training.evaluation.judge import judge_pictures
from zoo.conditional_vae.conditional_vae import ConditionalVAE
from zoo.dcgan.dcgan import DCGAN

pytestmark = pytest.mark.usefixtures("few_repeats")


def build_judge(attributes, image_size=16, channels=3):
    return ConditionalVAE(attributes, image_size=image_size, channels=channels, latent_dim=2, width=2)


def with_models(monkeypatch, models):
    """Lets runs be of models that the test has built."""
    load_model = trained_model.load_model

    def load(run, *precision):
        return models[run] if run in models else load_model(run, *precision)

    monkeypatch.setattr(trained_model, "load_model", load)


def test_judge_judges_the_attributes_of_the_model_among_those_of_itself_and_of_the_data_set(
    run_of, small_data_set, monkeypatch, tmp_path
):
    attributes = {name: small_data_set.attributes[name] for name in ("category", "colour")}
    model = DCGAN(attributes, image_size=16, channels=3, latent_dim=2, width=2)
    judge = build_judge({**attributes, "material": ["wool", "silk"]})
    judge_run = Path(shutil.copytree(run_of("conditional_vae"), tmp_path / "judge"))
    with_models(monkeypatch, {run_of("dcgan"): model, judge_run: judge})
    scores = evaluate_run(run_of("dcgan"), judge=judge_run, output=tmp_path).findings.scores
    judged = {name for name in scores if name.startswith("conditional_accuracy_")}
    assert judged == {"conditional_accuracy_category", "conditional_accuracy_colour"}
    assert scores["conditional_accuracy_colour"].value in np.arange(5) / 4


def test_judge_of_another_kind_is_refused(run_of, tmp_path):
    message = "The judge must be a classifier or conditional_vae.*Received: .*srcnn, a SRCNN."
    with pytest.raises(ValueError, match=message):
        evaluate_run(run_of("dcgan"), judge=run_of("srcnn"), output=tmp_path / "output")
    assert not (tmp_path / "output").exists()


def test_judge_with_nothing_to_judge_is_refused(run_of, tmp_path):
    message = (
        "pictures to judge: autoencoder, conditional_vae, dcgan, latent_flow. Received: a judge for a SRCNN."
    )
    with pytest.raises(ValueError, match=message):
        evaluate_run(run_of("srcnn"), judge=run_of("conditional_vae"), output=tmp_path / "output")
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
    judge_run = Path(shutil.copytree(run_of("conditional_vae"), tmp_path / "judge"))
    with_models(monkeypatch, {judge_run: build(small_data_set.attributes)})
    with pytest.raises(ValueError, match="The judge must ") as raised:
        evaluate_run(run_of("dcgan"), judge=judge_run, output=tmp_path / "output")
    assert message in str(raised.value)
    assert not (tmp_path / "output").exists()


@pytest.mark.slow
def test_a_classifier_judges_too(run_of, tmp_path):
    scores = evaluate_run(run_of("dcgan"), judge=run_of("classifier"), output=tmp_path).findings.scores
    own = evaluate_run(run_of("classifier"), output=tmp_path / "own").findings.scores
    for name in ("category", "colour", "pattern"):
        accuracy = scores[f"conditional_accuracy_{name}"].baseline.value
        assert accuracy == pytest.approx(own[f"{name}_accuracy"].value)
        assert own[f"{name}_accuracy"].unit == "share"
    assert scores["frechet_distance"].measured_with == "features of classifier"


def test_a_smaller_judge_sees_reduced_pictures():
    class Judge:
        image_size, channels = 4, 3

        def judge(self, raw_images):
            assert raw_images.shape == (2, 4, 4, 3)
            return {"category": np.asarray(raw_images)[:, 0, 0, :2] / 255.0}

    raw_images = np.zeros((2, 8, 8, 3), "uint8")
    raw_images[1] = 255
    assert judge_pictures(Judge(), raw_images)["category"].tolist() == [[0.0, 0.0], [1.0, 1.0]]
