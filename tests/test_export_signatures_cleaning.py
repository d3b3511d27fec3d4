"""`clean` and `clean_png`: strengths per row, estimated where negative, and rows that are wrong."""

import numpy as np
from exported_models import exported, from_png, random_pictures, to_png

from zoo.cleaning.cleaner import weigh_estimates


def test_each_row_has_its_own_strength():
    raw_images = random_pictures(3, 13, 10, 3)
    outputs = exported("clean").ask(
        "clean", images=raw_images, strength=np.array([0.0, 0.9, -1.0], "float32")
    )
    assert outputs["error"].tolist() == [b""] * 3
    np.testing.assert_array_equal(outputs["images"][0], raw_images[0])
    assert (outputs["images"][1] != raw_images[1]).any()
    np.testing.assert_allclose(outputs["damage"][:2], [0.0, 0.9], rtol=1e-6)
    estimates = exported("clean").model.estimate_damage(raw_images[2:])
    estimated, _ = weigh_estimates(estimates, estimates)
    np.testing.assert_allclose(outputs["damage"][2:], estimated, rtol=1e-5)


def test_files_of_different_sizes_and_wrong_rows_in_one_request():
    pictures = [random_pictures(1, *sides, 3)[0] for sides in ((5, 7), (1, 1), (12, 9), (4, 4))]
    files = [to_png(picture) for picture in pictures]
    files[1] = b"no picture"
    strength = np.array([0.8, 0.8, np.nan, 1.5], "float32")
    outputs = exported("clean").ask("clean_png", image_bytes=files, strength=strength)
    errors = [error.decode() for error in outputs["error"]]
    assert errors[0] == ""
    assert errors[1].startswith("`image_bytes` must hold a PNG or JPEG file.")
    range_error = "`strength` must be at most 1, or negative to be estimated. Received: "
    assert [error.startswith(range_error) for error in errors[2:]] == [True, True]
    assert from_png(outputs["image_bytes"][0]).shape == (5, 7, 3)
    assert outputs["image_bytes"][1:].tolist() == [b""] * 3
