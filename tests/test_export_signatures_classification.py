"""`classify_png`: values and probabilities of each attribute, files of any size, and rows that are wrong."""

import io

import numpy as np
import pytest
from exported_models import CATEGORIES, COLOURS, exported, random_pictures, to_png
from picture_files import JPEG, PNG, PNGS
from PIL import Image

from export.signatures.of_models import make_signatures
from zoo.classifier import Classifier
from zoo.cutout.on_white import place_on_white
from zoo.pictures import resize

MODELS = {"classifier": {"": "category"}, "classifier_rgb": {"": "category", "colour_": "colour"}}
GARBAGE_ERROR = b"`image_bytes` must hold a PNG or JPEG file. Received: 10 bytes"


def classify(name, files):
    return exported(name).ask("classify_png", image_bytes=files)


@pytest.mark.parametrize("num_rows", [1, 4])
@pytest.mark.parametrize("name", MODELS)
def test_answers_are_those_of_the_keras_model(name, num_rows):
    model = exported(name).model
    raw_images = random_pictures(num_rows, model.image_size, model.image_size, model.channels)
    outputs = classify(name, [to_png(raw_image) for raw_image in raw_images])
    assert outputs["error"].tolist() == [b""] * num_rows
    for prefix, attribute in MODELS[name].items():
        values = np.array([value.encode() for value in model.attributes[attribute]], object)
        probabilities = outputs[f"{prefix}probabilities"]
        np.testing.assert_allclose(probabilities, model.judge(raw_images)[attribute], atol=1e-4)
        assert np.std(probabilities) > 0.01
        assert outputs[f"{prefix}classes"].tolist() == [values.tolist()] * num_rows
        assert outputs[attribute].tolist() == values[np.argmax(probabilities, axis=-1)].tolist()


@pytest.mark.parametrize("shape", [(1, 1), (5, 40), (60, 33), (200, 200)])
def test_pictures_of_any_size_are_cut_and_resized_as_for_training(shape):
    model = exported("classifier_rgb").model
    raw_images = random_pictures(2, *shape, 3)
    outputs = classify("classifier_rgb", [to_png(raw_image) for raw_image in raw_images])
    judged = model.judge(resize.to_square(raw_images, model.image_size))
    np.testing.assert_allclose(outputs["probabilities"], judged["category"], atol=1e-4)
    np.testing.assert_allclose(outputs["colour_probabilities"], judged["colour"], atol=1e-4)


def test_bad_rows_are_named_and_leave_their_neighbours_alone():
    jpeg = io.BytesIO()
    Image.fromarray(random_pictures(1, 40, 30, 3)[0]).save(jpeg, "JPEG")
    files = [PNG, b"no picture", jpeg.getvalue(), b"", PNG[: len(PNG) // 2], PNGS["rgba"], JPEG]
    outputs = classify("classifier_rgb", files)
    assert [bool(error) for error in outputs["error"]] == [False, True, False, True, True, False, False]
    assert GARBAGE_ERROR in outputs["error"][1]
    assert b"Received: 0 bytes." in outputs["error"][3]
    assert b"A PNG must be whole" in outputs["error"][4]
    for row, file in enumerate(files):
        alone = classify("classifier_rgb", [file])
        if outputs["error"][row]:
            assert outputs["category"][row] == outputs["colour"][row] == b""
            assert set(outputs["classes"][row]) == set(outputs["colour_classes"][row]) == {b""}
            assert not outputs["probabilities"][row].any()
            assert not outputs["colour_probabilities"][row].any()
        else:
            assert outputs["category"][row].decode() in CATEGORIES
            assert outputs["colour"][row].decode() in COLOURS
            assert outputs["category"][row] == alone["category"][0]
            np.testing.assert_allclose(outputs["probabilities"][row], alone["probabilities"][0], atol=1e-5)


def test_only_bad_files_are_answered_too():
    outputs = classify("classifier", [b"", b"no picture"])
    assert all(outputs["error"])
    assert outputs["category"].tolist() == [b"", b""]


@pytest.mark.parametrize("name", ["classes", "probabilities", "error", "colour_classes"])
def test_attributes_that_are_named_like_other_outputs_are_refused(name):
    attributes = {"category": CATEGORIES, "colour": COLOURS, name: ("yes", "no")}
    message = f"Received: attributes category, colour, {name}. Rename in the data set: {name}."
    with pytest.raises(ValueError, match=message):
        make_signatures(Classifier(attributes, width=1))


def test_a_model_of_cut_outs_judges_the_product_alone():
    model = Classifier({"category": CATEGORIES}, image_size=32, channels=3, width=4, on_cutouts=True)
    (signature,) = make_signatures(model)
    photo = np.full([120, 90, 4], (200, 190, 180, 0), "uint8")
    photo[30:90, 20:60] = (20, 30, 120, 255)
    empty = np.full([240, 200, 3], 225, "uint8")
    outputs = signature.run({"image_bytes": np.array([to_png(photo), to_png(empty), b""], object)})
    on_white = place_on_white(photo[..., :3], photo[..., 3:] / np.float32(255), 32)[np.newaxis]
    np.testing.assert_allclose(outputs["probabilities"][:1], model.judge(on_white)["category"], atol=1e-4)
    assert outputs["error"][0] == b""
    assert outputs["error"][1].startswith(b"No product was found")
    assert outputs["error"][2].endswith(b"Send a PNG or JPEG.")
    assert outputs["category"][1:].tolist() == [b"", b""]
