"""`zoo stitch`: the same panorama from everywhere, what is said of each photo, and collages."""

import numpy as np
import pytest
from dark_products import dark_square
from garment_photos import wide_photo
from overlapping_views import make_views
from PIL import Image
from served_runs import files_in, run_zoo, running_exported

from export.signatures import stitching as signature
from serving import stitch_command
from serving.pictures import collage
from zoo.stitching import stitcher

PICTURE = wide_photo("02-t-shirt")


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """Addresses of a server of `stitch`, and of a `cutout` that takes what is dark for the product."""
    with running_exported(("stitch", "cutout"), tmp_path_factory) as addresses:
        yield addresses


@pytest.fixture
def zoo(capsys, addresses, tmp_path, monkeypatch):
    """Runs the command among photos, of the server over gRPC unless a protocol is named; None: in process."""
    monkeypatch.chdir(tmp_path)
    views = make_views(PICTURE, 3, 0.4, turn=1.0)
    for name, view in zip(("left", "middle", "right"), views, strict=True):
        Image.fromarray(view.raw_image).save(f"{name}.png")
    turned = Image.fromarray(np.rot90(views[2].raw_image, -1))
    exif = Image.Exif()
    exif[0x0112] = 8
    turned.save("turned.jpg", quality=95, exif=exif)
    Image.fromarray(wide_photo("05-pants")).save("other.jpg")
    Image.fromarray(dark_square()).save("square.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")

    def run(*arguments, protocol="grpc"):
        server = ["--server", addresses[protocol]] if protocol else []
        return run_zoo(capsys, "stitch", *arguments, *server)

    return run


def test_the_command_names_what_the_model_and_the_layouts_know():
    assert stitch_command.BLENDS == stitcher.BLENDS
    assert ("panorama", *collage.LAYOUTS) == stitch_command.LAYOUTS
    assert stitch_command.MOST_PHOTOS == signature.MOST_PHOTOS


def opened(path):
    return np.asarray(Image.open(path))


def test_a_server_and_this_process_write_the_same_panorama(zoo, tmp_path):
    for protocol in ("grpc", "rest", None):
        output = f"{protocol}.png"
        arguments = ["right.png", "left.png", "middle.png", "--output", output, "--no-provenance"]
        code, out, err = zoo(*arguments, protocol=protocol)
        assert (code, err) == (0, "")
        used, wrote = out.splitlines()
        assert used.startswith("Used: middle.png, ")
        assert used.endswith(" Exposure: middle.png.")
        height, width = opened(output).shape[:2]
        assert wrote == f"Wrote {width} x {height} pixels to {output}"
        assert width > 0.85 * PICTURE.shape[1]
    assert len({(tmp_path / f"{protocol}.png").read_bytes() for protocol in ("grpc", "rest", None)}) == 1


def test_the_outline_stays_with_transparency(zoo):
    assert zoo("left.png", "middle.png", "--no-crop", "--output", "whole.png", protocol=None)[0] == 0
    assert zoo("left.png", "middle.png", "--output", "cropped.webp", protocol=None)[0] == 0
    whole, cropped = opened("whole.png"), opened("cropped.webp")
    assert whole.shape[-1] == 4
    assert set(np.unique(whole[..., 3])) == {0, 255}
    assert cropped.shape[-1] == 3
    assert cropped.shape[0] < whole.shape[0]


def test_what_is_not_used_is_named_with_the_reason(zoo):
    code, out, err = zoo("left.png", "other.jpg", "middle.png", "left.png", "broken.jpg", "--output", "a.jpg")
    assert code == 1
    assert out.splitlines()[:3] == [
        "Used: left.png (photo 1), middle.png. Exposure: left.png (photo 1).",
        "Not used: other.jpg: it shows nothing that the others show.",
        "Not used: left.png (photo 4): it is the same picture as left.png (photo 1).",
    ]
    assert "Received: broken.jpg: not an image" in err
    assert Image.open("a.jpg").format == "JPEG"


def test_turned_photos_and_folders_are_taken(zoo, tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("middle.png", "turned.jpg"):
        (tmp_path / name).rename(tmp_path / "folder" / name)
    code, out, _ = zoo("folder", "--output", "folder/whole.png")
    assert (code, out.splitlines()[0]) == (0, "Used: middle.png, turned.jpg. Exposure: middle.png.")
    assert zoo("folder", "--output", "folder/whole.png", "--overwrite")[1] == out


def test_photos_that_do_not_fit_are_refused_and_nothing_is_written(zoo, tmp_path):
    before = files_in(tmp_path)
    code, _, err = zoo("left.png", "other.jpg")
    assert code == 1
    assert "Photos must overlap by a fifth or more" in err
    assert "other.jpg: it shows nothing that the others show." in err
    code, _, err = zoo("left.png", "broken.jpg")
    assert (code, "Two photos or more must be readable. Received: broken.jpg: not an image" in err) == (
        1,
        True,
    )
    assert files_in(tmp_path) == before


def test_a_photo_of_another_resolution_is_taken(zoo):
    large = Image.open("middle.png")
    large.resize((large.width * 6, large.height * 6)).save("large.jpg")
    for first, second in (("left.png", "large.jpg"), ("large.jpg", "left.png")):
        code, out, err = zoo(first, second, "--output", "a.png", "--overwrite", protocol=None)
        assert (code, err) == (0, "")
        assert out.startswith(f"Used: {first}, {second}.")


def test_existing_files_are_kept(zoo):
    code, _, err = zoo("left.png", "middle.png", "--output", "other.jpg")
    assert (code, "add `--overwrite`" in err) == (2, True)
    code, _, err = zoo("left.png", "middle.png", "--output", "left.png", "--overwrite")
    assert (code, "The result must not replace a photo." in err) == (2, True)
    assert zoo("left.png", "middle.png", "--output", "new.png", "--dry-run")[1] == "new.png\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["left.png"], "There must be 2 to 8 photos that overlap. Received: 1."),
        (["left.png"] * 9, "There must be 2 to 8 photos that overlap. Received: 9."),
        (["left.png", "missing.png"], "'missing.png' does not exist"),
        (["left.png", "middle.png", "--output", "a.txt"], "`--output` must name a picture file"),
        (["left.png", "middle.png", "--size", "9x9"], "Received: --size with --layout panorama."),
        (["left.png", "middle.png", "--blend", "soft"], "'soft' is not one of"),
        (["left.png", "middle.png", "--no-crop", "--output", "a.jpg"], "`--no-crop` needs a format"),
        (["square.png", "--layout", "row", "--blend", "none"], "Received: --blend with --layout row."),
        (["square.png", "--layout", "row", "--no-crop"], "Received: --crop with --layout row."),
        (["square.png", "--layout", "row", "--size", "90000x90000"], "at most 25 megapixels"),
    ],
)
def test_impossible_wishes_are_refused(zoo, tmp_path, arguments, message):
    before = files_in(tmp_path)
    code, _, err = zoo(*arguments)
    assert code == 2
    assert message in err
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("layout", ["row", "grid", "hero"])
def test_collages_set_products_on_white(zoo, layout):
    arguments = ["square.png", "square.png", "--layout", layout, "--size", "400x300", "--output", "sheet.png"]
    code, out, err = zoo(*arguments)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "Wrote 400 x 300 pixels to sheet.png"
    sheet = opened("sheet.png")
    assert sheet.shape == (300, 400, 3)
    assert (sheet[0] == 255).all()
    assert (sheet.max(axis=-1) < 200).mean() > 0.1


def test_photos_without_a_product_are_left_out_of_a_collage(zoo, tmp_path):
    Image.fromarray(np.full([40, 30, 3], 235, "uint8")).save("nothing.png")
    code, _, err = zoo("nothing.png", "broken.jpg", "--layout", "row")
    assert (code, "A photo of a collage must show a product." in err) == (1, True)
    assert not (tmp_path / "stitched.png").exists()
    code, out, err = zoo("square.png", "nothing.png", "--layout", "row")
    assert (code, out.splitlines()[-1]) == (1, "Wrote 1000 x 1000 pixels to stitched.png")
    assert "Received: nothing.png: No product was found" in err
