"""The demo's photos: twelve with their licence, asked over both protocols, written at their own size."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image
from served_runs import files_in, running_exported

from serving.demo import shop_photos


@pytest.fixture
def two_photos(tmp_path, monkeypatch):
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in sorted(shop_photos.PHOTOS.glob("*.jpg"))[:2]:
        shutil.copy(path, folder)
    monkeypatch.setattr(shop_photos, "PHOTOS", folder)


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    with running_exported(shop_photos.SERVED_NAMES, tmp_path_factory) as addresses:
        yield addresses


def test_photos_are_small_enough_and_have_a_licence():
    photos = sorted(shop_photos.PHOTOS.glob("*.jpg"))
    assert len(photos) == 12
    assert sum(path.stat().st_size for path in photos) < 1 << 20
    assert all(min(Image.open(path).size) == 400 for path in photos)
    assert "CC0 1.0" in (shop_photos.PHOTOS / "LICENCE.md").read_text()


def test_answers_are_written_at_the_photos_own_size(two_photos, addresses, tmp_path, capsys):
    sheet = shop_photos.ask_for_photos(addresses["grpc"], addresses["rest"], tmp_path / "out")
    assert len(sheet.rows) == 2
    assert all(len(row) == len(shop_photos.LABELS) for row in sheet.rows)
    assert len(files_in(tmp_path / "out")) == 2 * 6
    for path in shop_photos.PHOTOS.glob("*.jpg"):
        result = Image.open(tmp_path / "out" / f"{path.stem}-2b4c7e.png")
        assert result.size == Image.open(path).size
        enlarged = Image.open(tmp_path / "out" / f"{path.stem}-on-white-twice-as-large.png")
        assert enlarged.size == (2 * result.width, 2 * result.height)
    expected = "cutout, recolour, ecbsr_x2: 12 responses, gRPC and REST identical\n"
    assert capsys.readouterr().out == expected


def test_different_answers_are_said(two_photos, addresses, tmp_path, monkeypatch):
    class Other:
        def predict(self, model_name, inputs):
            buffer = io.BytesIO()
            Image.fromarray(np.zeros([2, 2, 3], "uint8")).save(buffer, "PNG")
            return {"image_bytes": [buffer.getvalue()], "mask_bytes": [b""], "confidence": [0.0]}

        def close(self):
            pass

    real = shop_photos.connect
    monkeypatch.setattr(
        shop_photos, "connect", lambda address: Other() if address == addresses["rest"] else real(address)
    )
    with pytest.raises(
        RuntimeError, match="must give the same bytes. Received: different `image_bytes` of cutout"
    ):
        shop_photos.ask_for_photos(addresses["grpc"], addresses["rest"], tmp_path / "out")
