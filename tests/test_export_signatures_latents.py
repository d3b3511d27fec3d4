"""The autoencoder's signatures: from pictures to latents and back."""

import numpy as np
import pytest
from exported_models import exported, from_png, random_pictures, to_png

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model():
    return exported("autoencoder")


def test_encoding_and_decoding_is_reconstructing(model):
    photo = random_pictures(1, 32, 32, 3)
    encoded = model.ask("encode", images=photo)
    assert encoded["latents"].shape == (1, 4, 4, 4)
    decoded = model.ask("decode", latents=encoded["latents"])
    files = np.array([to_png(photo[0])], object)
    answer = model.ask("reconstruct_png", image_bytes=files)
    difference = decoded["images"][0].astype(int) - from_png(answer["image_bytes"][0])
    assert np.abs(difference).max() <= 1
    assert encoded["error"].tolist() == decoded["error"].tolist() == answer["error"].tolist() == [b""]


def test_pictures_of_any_size_are_taken(model):
    assert model.ask("encode", images=random_pictures(2, 50, 70, 3))["latents"].shape == (2, 4, 4, 4)


def test_latents_that_are_no_numbers_are_their_rows_error(model):
    latents = np.zeros([2, 4, 4, 4], "float32")
    latents[0, 0, 0, 0] = np.nan
    outputs = model.ask("decode", latents=latents)
    assert outputs["error"][0].decode().startswith("`latents` must be finite.")
    assert outputs["error"][1] == b""
    assert not outputs["images"][0].any()
