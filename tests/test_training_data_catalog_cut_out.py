"""`zoo data build --cutout`: products on white, and photos that are refused."""

import io
import itertools

import numpy as np
from catalog_files import load_shop, write_table
from PIL import Image

from training.data import data_sets
from training.data.catalog.photo import PhotoSettings, read_photo
from training.data.rendered.builder import render
from training.data.rendered.shapes import SHAPES
from training.recipes.base.registry import RECIPES

SIDE = 64


def write_products(images):
    """Draws products, and an empty room."""
    images.mkdir()
    rows = []
    for index, (category, colour) in enumerate(itertools.product(SHAPES, ["red", "green", "blue"])):
        Image.fromarray(render(category, colour, "plain", size=160, seed=index)).save(images / f"{index}.png")
        rows.append({"image": f"{index}.png", "category": category})
    Image.fromarray(np.full([240, 200, 3], 225, "uint8")).save(images / "empty.png")
    return [*rows, {"image": "empty.png", "category": rows[0]["category"]}]


def test_products_are_centred_on_white_and_empty_photos_refused(build_shop, tmp_path):
    write_table(tmp_path / "t.csv", write_products(tmp_path / "images"))
    code, output, error = build_shop("--cutout", "--size", str(SIDE))
    assert code == 0, error
    data_set = load_shop(tmp_path)
    assert "product cut out and centred on white, 64 x 64 pixels" in output
    refusals = data_set.report["refusals"]
    assert sum(refusals.values()) >= 1
    assert set(refusals) <= {"no product found", "doubtful mask"}
    for split in data_sets.SPLITS:
        for element in data_set.read(split).as_numpy_iterator():
            image = element["image"].astype(int)
            assert image.shape == (SIDE, SIDE, 3)
            assert image[:4].mean() > 250
            assert image[:, :4].mean() > 250
            rows, columns = np.nonzero(image.min(axis=-1) < 200)
            # The longer side fills 85 % of the picture, whose middle is the product's.
            assert abs(max(np.ptp(rows), np.ptp(columns)) + 1 - 0.85 * SIDE) <= 4
            assert abs(rows.min() + rows.max() - (SIDE - 1)) <= 4
            assert abs(columns.min() + columns.max() - (SIDE - 1)) <= 4


def test_masks_of_whole_photos_do_not_fit_cut_outs(build_shop, tmp_path):
    write_table(tmp_path / "t.csv", write_products(tmp_path / "images"))
    error = build_shop("--cutout", "--masks", str(tmp_path / "images"))[2]
    assert "Received: --cutout and --masks" in error


def test_transparency_is_the_mask(tmp_path):
    photo = np.full([120, 100, 4], (225, 225, 225, 0), "uint8")
    photo[30:90, 30:70, :3] = (20, 30, 120)  # what the network would take for the product
    photo[5:25, 5:25] = (200, 30, 40, 255)
    Image.fromarray(photo).save(tmp_path / "a.png")
    settings = PhotoSettings(tmp_path, size=SIDE, cuts_out=True, derived=("colour",))
    read = read_photo("a.png", settings)
    image = np.asarray(Image.open(io.BytesIO(read.image_bytes)))
    assert np.abs(image[SIDE // 2, SIDE // 2].astype(int) - (200, 30, 40)).max() <= 2
    assert (image[:3] >= 250).all()
    assert read.derived["colour"].value == "red"


def test_doubtful_masks_are_kept_on_request(build_shop, tmp_path):
    write_table(tmp_path / "t.csv", write_products(tmp_path / "images"))
    assert build_shop("--cutout", "--size", str(SIDE), "--min-confidence", "0")[0] == 0
    assert set(load_shop(tmp_path).report["refusals"]) <= {"no product found"}


def test_a_confidence_must_be_one_and_have_a_mask(build_shop, tmp_path):
    write_table(tmp_path / "t.csv", write_products(tmp_path / "images"))
    code, _, error = build_shop("--cutout", "--min-confidence", "1.5")
    assert (code, "`min_confidence` must be from 0, which keeps every mask, to 1" in error) == (2, True)
    code, _, error = build_shop("--min-confidence", "0.5")
    assert (code, "A smallest confidence belongs to cut-outs" in error) == (2, True)


def test_a_classifier_of_cut_outs_knows_it(build_shop, tmp_path, make_small_config):
    write_table(tmp_path / "t.csv", write_products(tmp_path / "images"))
    for words, on_cutouts in (["--cutout"], True), ([], False):
        assert build_shop(*words, "--size", "16", "--overwrite")[0] == 0
        model = RECIPES["classifier"].build_model(make_small_config("classifier"), load_shop(tmp_path))
        assert model.on_cutouts is on_cutouts
