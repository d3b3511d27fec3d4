"""`stylise` and `stylise_png`: a style and a strength per row, and rows that are wrong."""

import numpy as np
from exported_models import exported, from_png, random_pictures, to_png


def test_each_row_has_its_own_style_and_strength():
    raw_images = random_pictures(3, 13, 10, 3)
    style = np.array(["dots", "waves:3+dots:1", "waves"], object)
    strength = np.array([0.0, 0.9, 1.0], "float32")
    outputs = exported("stylise").ask("stylise", images=raw_images, style=style, strength=strength)
    assert outputs["error"].tolist() == [b""] * 3
    np.testing.assert_array_equal(outputs["images"][0], raw_images[0])
    model = exported("stylise").model
    drawn = model.stylise(raw_images, np.array([[1, 0], [0.25, 0.75], [0, 1]], "float32"), strength)
    np.testing.assert_allclose(outputs["images"].astype(int), drawn.numpy().astype(int), atol=1)
    assert (outputs["images"][1:] != raw_images[1:]).any()


def test_files_of_different_sizes_and_wrong_rows_in_one_request():
    pictures = [random_pictures(1, *sides, 3)[0] for sides in ((5, 7), (1, 1), (12, 9), (4, 4), (3, 3))]
    files = [to_png(picture) for picture in pictures]
    files[1] = b"no picture"
    outputs = exported("stylise").ask(
        "stylise_png",
        image_bytes=files,
        style=np.array(["dots", "dots", "fish", "waves", "waves"], object),
        strength=np.array([0.8, 0.8, 0.8, np.nan, -0.1], "float32"),
    )
    errors = [error.decode() for error in outputs["error"]]
    assert errors[0] == ""
    assert errors[1].startswith("`image_bytes` must hold a PNG or JPEG file.")
    assert errors[2].startswith("`style` must be one of dots, waves, or several with their shares")
    range_error = "`strength` must be from 0 to 1. Received: "
    assert [error.startswith(range_error) for error in errors[3:]] == [True, True]
    assert from_png(outputs["image_bytes"][0]).shape == (5, 7, 3)
    assert outputs["image_bytes"][1:].tolist() == [b""] * 4
