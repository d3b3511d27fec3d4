"""What style transfer learns from: drawings, folders of pictures, the loss network and its losses."""

import h5py
import numpy as np
import pytest
from loss_network_file import write_loss_network
from PIL import Image

from training.loss_network.squeezenet import load_squeezenet
from training.style.colour_transfer import transfer_colours
from training.style.drawings import DRAWINGS, main
from training.style.losses import StyleLosses
from training.style.style_pictures import read_styles, style_names
from zoo.errors import WrongUsageError


def stripes(side=96, wide=8, colours=((20, 40, 90), (240, 220, 60))):
    columns = np.arange(side) // wide % 2
    return np.broadcast_to(np.array(colours, "uint8")[columns], (side, side, 3)).copy()


def gradient(side=96):
    rows, columns = np.mgrid[0:side, 0:side] * 255.0 / side
    return np.stack([rows, columns, 255 - rows], -1).astype("uint8")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_loss_network(tmp_path_factory.mktemp("weights") / "squeezenet.h5")


@pytest.fixture
def folder(tmp_path):
    Image.fromarray(stripes()).save(tmp_path / "stripes.png")
    Image.fromarray(gradient(1024)).save(tmp_path / "Sky.jpg")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_drawings_are_the_same_at_every_call(tmp_path):
    main(tmp_path)
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(DRAWINGS) == style_names("drawn")
    name = min(DRAWINGS)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / f"{name}.png")), DRAWINGS[name]())
    assert len(DRAWINGS) >= 4


def test_a_folder_names_its_styles_by_its_files(folder):
    assert style_names(str(folder)) == ["sky", "stripes"]
    pictures = read_styles(str(folder))
    assert pictures["sky"].shape == (512, 512, 3)
    np.testing.assert_array_equal(pictures["stripes"], stripes())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("broken.png", b"\x89PNG\r\n\x1a\n", "Style pictures must be readable. Received: .*broken.png"),
        ("a+b.png", None, "must be its own, of letters, digits, `_` and `-`.*a.b.png"),
        ("STRIPES.jpg", None, "must be its own.*stripes.png|must be its own.*STRIPES.jpg"),
        ("small.png", stripes(63), "at least 64 pixels a side.*small.png, 63 x 63"),
    ],
)
def test_a_picture_that_is_no_style_is_named(folder, name, content, message):
    if isinstance(content, bytes):
        (folder / name).write_bytes(content)
    else:
        Image.fromarray(stripes() if content is None else content).save(folder / name)
    with pytest.raises(WrongUsageError, match=message):
        read_styles(str(folder))


@pytest.mark.parametrize(("source", "message"), [("nowhere", "is no folder"), ("", "no picture lies")])
def test_a_folder_without_pictures_is_refused(tmp_path, source, message):
    with pytest.raises(WrongUsageError, match=f"`--styles` must be a folder.*{message}"):
        style_names(str(tmp_path / source))


def test_the_loss_network_has_the_files_weights(weights):
    network = load_squeezenet(weights, ["conv1", "fire9"])
    first, last = network(np.zeros([1, 64, 96, 3], "float32"))
    assert first.shape == (1, 31, 47, 64)
    assert last.shape == (1, 3, 5, 512)
    with h5py.File(weights) as file:
        np.testing.assert_array_equal(network.get_layer("conv1").kernel, file["conv1/weight_0"])
    assert network.trainable_variables == []


def test_files_of_something_else_are_refused(tmp_path, weights):
    with pytest.raises(WrongUsageError, match="must be a readable Keras weights file.*nothing.h5"):
        load_squeezenet(tmp_path / "nothing.h5", ["conv1"])
    (tmp_path / "text.h5").write_text("no weights")
    with pytest.raises(WrongUsageError, match="must be a readable Keras weights file.*text.h5"):
        load_squeezenet(tmp_path / "text.h5", ["conv1"])
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["conv1/kernel"] = np.zeros([7, 7, 3, 64])
    with pytest.raises(WrongUsageError, match=r"for conv1.*other.h5, whose shapes there are \[\(7, 7"):
        load_squeezenet(tmp_path / "other.h5", ["conv1"])


def test_losses_are_zero_for_what_is_wanted_and_more_for_anything_else(weights):
    losses = StyleLosses(weights, [stripes(), gradient()])
    photo, striped = (image[np.newaxis].astype("float32") for image in (gradient(), stripes()))
    content, style = losses(photo, photo, np.array([1]))
    assert float(content[0]) == 0.0
    assert float(style[0]) < 1e-3
    content, style = losses(photo, striped, np.array([0]))
    assert float(content[0]) > 0.1
    assert float(style[0]) < 1e-3
    _, of_photo = losses(photo, photo, np.array([0]))
    _, halfway = losses(photo, (photo + striped) / 2, np.array([0]))
    assert 0 < float(halfway[0]) < float(of_photo[0])


def test_transferred_colours_have_the_examples_mean():
    """In the space of the transfer; on the scale of pixels it is near."""
    drawn = transfer_colours(gradient(), np.full([9, 9, 3], (200, 120, 40), "uint8"))
    assert np.abs(drawn.reshape(-1, 3).mean(0) - (200, 120, 40)).max() < 3
    np.testing.assert_allclose(transfer_colours(gradient(), gradient()), gradient(), atol=4)
