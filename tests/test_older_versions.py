"""Runs and published versions that an older version of this package wrote, when every layer was one folder.

`support/older_version` holds what it left: five runs of one epoch, a version of the DCGAN, and the answers of
their models to the inputs drawn here.
"""

from pathlib import Path

import numpy as np
import pytest
from served_runs import running_server

from export.versions.verify import version_problem
from serving.client import connect
from training.trained_model import find_run

OLDER = Path(__file__).parent / "support" / "older_version"


def answer(name: str, model) -> np.ndarray:
    """Returns what a model makes of two inputs, as the older version asked it."""
    random = np.random.default_rng(0)
    ids = {attribute: np.array([0, 1], "int32") for attribute in getattr(model, "attributes", {})}
    if name == "dcgan":
        return model(random.normal(size=(2, model.latent_dim)).astype("float32"), ids).numpy()
    side = (6, 5) if name in ("srcnn", "fsrcnn") else (8, 8)
    images = random.integers(0, 256, (2, *side, 3)).astype("uint8")
    if name == "conditional_vae":
        return model.edit(images, ids, {attribute: 1 - value for attribute, value in ids.items()}).numpy()
    if name == "classifier":
        return np.concatenate(list(model.judge(images).values()), axis=1)
    return model.upscale(images).numpy()


@pytest.mark.parametrize("name", ["dcgan", "conditional_vae", "srcnn", "fsrcnn", "classifier"])
def test_a_run_answers_as_before(name):
    expected = np.load(OLDER / "answers.npz")[name]
    received = answer(name, find_run(OLDER / "runs" / name).model)
    assert received.dtype == expected.dtype
    # Of pixels another processor may round one otherwise.
    np.testing.assert_allclose(received, expected, atol=1 if expected.dtype == "uint8" else 1e-5)


def test_a_published_version_is_whole_and_served(tmp_path):
    assert version_problem(OLDER / "models" / "dcgan" / "1") == ""
    request = {"seed": np.array([7], "int64"), "category": [""], "colour": [""], "pattern": [""]}
    with running_server(OLDER / "models", tmp_path) as addresses, connect(addresses["grpc"]) as client:
        answers = client.predict("dcgan", request, "generate_png")
    assert answers["image_bytes"][0].startswith(b"\x89PNG")
