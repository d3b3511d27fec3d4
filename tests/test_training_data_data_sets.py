"""The registry of data sets: names, splits, and prepared data written by other software."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from training.data import data_sets, preparation
from training.data.rendered import builder as rendered_catalog
from zoo.errors import UnknownNameError


class OneOfThree(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A data set as any TFDS script could have written it."""

    name = "myshop"
    VERSION = tfds.core.Version("2.0.0")
    url_infos = None

    def _info(self):
        image = tfds.features.Image(shape=(None, None, 3))
        kind = tfds.features.ClassLabel(names=["a", "b", "c"])
        features = tfds.features.FeaturesDict({"image": image, "kind": kind})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(24), "test": self._generate_examples(3)}

    def _generate_examples(self, number):
        for i in range(number):
            yield i, {"image": np.full([8 + i, 8, 3], i, np.uint8), "kind": i % 3}


class WithoutPictures(OneOfThree, skip_registration=True):
    name = "prices"

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({"price": np.int64}))

    def _generate_examples(self, number):
        for i in range(number):
            yield i, {"price": i}


def test_unknown_name_lists_built_in_and_prepared_names(tmp_path):
    OneOfThree(data_dir=tmp_path).download_and_prepare()
    with pytest.raises(
        UnknownNameError, match="Received: 'mnist'. Known: fashion_mnist, rendered_catalog, myshop."
    ):
        data_sets.load_data_set("mnist", tmp_path)


def test_prepared_data_set_of_another_script(tmp_path):
    OneOfThree(data_dir=tmp_path).download_and_prepare()
    data_set = data_sets.load_data_set("myshop", tmp_path)
    assert data_set.attributes == {"kind": ("a", "b", "c")}
    assert data_set.image_shape == (None, None, 3)
    assert data_set.num_images == {"train": 22, "validation": 2, "test": 3}
    elements = [element for split in ("train", "validation") for element in data_set.read(split)]
    assert sorted(int(element["image"][0, 0, 0]) for element in elements) == list(range(24))
    assert all(int(x["image"][0, 0, 0]) % 3 == int(x["kind"]) for x in elements)


def test_data_set_without_pictures(tmp_path):
    WithoutPictures(data_dir=tmp_path).download_and_prepare()
    with pytest.raises(ValueError, match="must have a feature `image`.*prices in .* with price, test, train"):
        data_sets.load_data_set("prices", tmp_path)


def test_reading_has_a_fixed_order(tmp_path):
    OneOfThree(data_dir=tmp_path).download_and_prepare()
    data_set = data_sets.load_data_set("myshop", tmp_path)
    orders = [[int(x["image"][0, 0, 0]) for x in data_set.read("train")] for _ in range(2)]
    assert orders[0] == orders[1]


def test_unknown_split(tmp_path):
    OneOfThree(data_dir=tmp_path).download_and_prepare()
    with pytest.raises(UnknownNameError, match="Received: 'valid'. Known: train, validation, test"):
        data_sets.load_data_set("myshop", tmp_path).read("valid")


def test_zoo_home_and_its_default(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    rendered_catalog.prepare(preparation.default_data_dir(), size=8, count=10)
    assert (tmp_path / "home/data/rendered_catalog/1.0.0/dataset_info.json").exists()
    assert data_sets.load_data_set("rendered_catalog").num_images["train"] == 8
    monkeypatch.delenv("ZOO_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert str(preparation.default_data_dir()) == "/home/someone/.cache/product-image-zoo/data"


def test_built_in_data_set_is_prepared_when_asked_for(tmp_path, monkeypatch):
    calls = []

    def prepare(data_dir):
        calls.append(data_dir)
        return rendered_catalog.prepare(data_dir, size=8, count=10)

    monkeypatch.setitem(data_sets.BUILT_IN, "rendered_catalog", prepare)
    for _ in range(2):
        assert data_sets.load_data_set("rendered_catalog", tmp_path).image_shape == (8, 8, 3)
    assert calls == [tmp_path]


def test_newest_version_is_found_and_unfinished_ones_are_not(tmp_path):
    for name in ("1.0.0", "1.10.0", "1.9.0", "2.0.0.incomplete1"):
        (tmp_path / "shop" / name).mkdir(parents=True)
        (tmp_path / "shop" / name / "features.json").touch()
        (tmp_path / "shop" / name / "dataset_info.json").touch()
    (tmp_path / "shop/3.0.0").mkdir()
    found = preparation.find_prepared_versions(tmp_path, "shop")
    assert [path.name for path in found] == ["1.10.0", "1.9.0", "1.0.0"]
