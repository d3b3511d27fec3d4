"""The stitcher: what it composes of photos that lie where they are said to lie."""

import numpy as np
import pytest
import tensorflow as tf
from garment_photos import wide_photo
from overlapping_views import make_views, show

from zoo.errors import UnknownNameError
from zoo.pictures.psnr import psnr
from zoo.stitching.exposure import find_gains
from zoo.stitching.seams import find_arrivals, find_depths
from zoo.stitching.stitcher import BLENDS, Stitcher

STITCHER = Stitcher()


def shift(x, y=0):
    return np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]])


def decibels(first, second):
    return float(psnr(tf.constant(first[None]), tf.constant(second[None]))[0])


@pytest.mark.parametrize(("blend", "limit"), [("none", 0), ("feather", 1), ("multiband", 4)])
def test_parts_of_a_photo_become_the_photo_again(blend, limit):
    photo = wide_photo("02-t-shirt")
    parts = [photo[:, :300], photo[20:, 200:500], photo[:, 450:]]
    matrices = np.stack([shift(0), shift(200, 20), shift(450)])
    picture, mask = STITCHER.stitch(parts, matrices, blend)
    assert picture.shape == photo.shape
    expected = np.ones(photo.shape[:2], bool)
    expected[:20, 300:450] = False
    np.testing.assert_array_equal(mask, expected)
    assert (picture[~mask] == 255).all()
    np.testing.assert_allclose(picture, np.where(mask[..., None], photo, 255), rtol=0, atol=limit)


@pytest.mark.parametrize("blend", ["feather", "multiband"])
def test_exposure_of_the_first_photo_holds_for_all(blend):
    photo = (wide_photo("01-shirt") * 0.8).astype("uint8")
    darker = np.round(photo[:, 200:] * np.array([0.8, 0.85, 0.9])).astype("uint8")
    picture, _ = STITCHER.stitch([photo[:, :320], darker], np.stack([shift(0), shift(200)]), blend)
    assert decibels(picture, photo) > 42
    hard, _ = STITCHER.stitch([photo[:, :320], darker], np.stack([shift(0), shift(200)]), "none")
    assert decibels(hard, photo) < 30


@pytest.mark.parametrize("name", ["02-t-shirt", "10-dress"])
def test_seams_of_turned_noisy_views_do_not_show(name):
    photo = wide_photo(name)
    first, second = make_views(photo, 2, 0.3, seed=3)
    to_first = np.linalg.inv(first.to_picture) @ second.to_picture
    picture, mask = STITCHER.stitch([first.raw_image, second.raw_image], np.stack([np.eye(3), to_first]))
    height, width = first.raw_image.shape[:2]
    ends = np.array([[0, width - 1, width - 1, 0], [0, 0, height - 1, height - 1], [1, 1, 1, 1]])
    places = np.concatenate([ends[:2], ((to_first @ ends)[:2] / (to_first @ ends)[2])], axis=1)
    left, top = np.floor(places.min(axis=1) + 0.01)
    truth = show(photo, first.to_picture @ shift(left, top), *picture.shape[:2])
    gains = (picture[mask] * truth[mask]).sum(axis=0) / (truth[mask] ** 2).sum(axis=0)
    error = (picture[mask] - truth[mask] * gains) ** 2
    assert 10 * np.log10(255**2 / error.mean()) > 36.5


def test_a_grey_photo_beside_a_coloured_one_stays_grey():
    photo = (wide_photo("01-shirt") * 0.8).astype("uint8")
    grey = np.repeat(photo[:, 200:].mean(axis=-1, keepdims=True), 3, axis=-1).astype("uint8")
    picture, _ = STITCHER.stitch([photo[:, :320], grey], np.stack([shift(0), shift(200)]))
    right = picture[:, 460:].astype(int)
    assert np.ptp(right, axis=-1).max() <= 2


def test_what_moved_is_taken_whole_from_one_photo():
    ground = np.full([120, 300, 3], 90, "uint8")
    first, second = ground[:, :200].copy(), ground[:, 100:].copy()
    first[40:80, 130:150] = 220
    second[40:80, 45:65] = 220  # at 145 to 165 of the canvas
    picture, _ = STITCHER.stitch([first, second], np.stack([shift(0), shift(100)]), "none")
    bright = (picture[60, :, 0] > 150).sum()
    assert bright <= 3 or abs(bright - 20) <= 3


def test_gains_leave_out_what_is_clipped_and_photos_apart():
    images = np.full([3, 4, 8, 3], 100.0, "float32")
    images[1] = 125.0
    images[0, :2] = 255.0
    masks = np.zeros([3, 4, 8], bool)
    masks[0, :, :5], masks[1, :, 3:6], masks[2, :, 7:] = True, True, True
    images[..., 1] += 3  # not grey
    gains = find_gains(tf.constant(images), tf.constant(masks)).numpy()
    np.testing.assert_allclose(gains[0], 1, atol=1e-3)
    np.testing.assert_allclose(gains[1], [0.8, 103 / 128, 0.8], atol=2e-3)
    np.testing.assert_allclose(gains[2], 1, atol=1e-3)


def test_depths_count_from_the_photos_edges():
    mask = np.zeros([1, 5, 7], bool)
    mask[0, :, 1:6] = True
    depths = find_depths(tf.constant(mask)).numpy()[0]
    np.testing.assert_array_equal(depths[2], [0, 1, 2, 3, 2, 1, 0])
    np.testing.assert_array_equal(depths[0], [0, 1, 1, 1, 1, 1, 0])


def test_fronts_reach_everything_and_start_at_zero():
    masks = np.zeros([2, 6, 20], bool)
    masks[0, :, :13], masks[1, :, 7:] = True, True
    images = np.full([2, 6, 20, 3], 50.0, "float32")
    depths = find_depths(tf.constant(masks))
    arrivals = find_arrivals(tf.constant(images), tf.constant(masks), depths).numpy()
    assert arrivals[0, 3, 2] == 0
    assert arrivals[1, 3, 17] == 0
    assert arrivals.max() < 30
    assert (np.diff(arrivals[0, 3]) >= 0).all()


@pytest.mark.parametrize(
    ("matrix", "received"),
    [
        (np.diag([-1.0, 1, 1]), "a photo that is mirrored."),
        (np.diag([40.0, 40, 1]), "a photo that is enlarged or reduced more."),
        (shift(1e6), "a larger canvas."),
        (np.array([[1.0, 0, 0], [0, 1, 0], [-0.05, 0, 1]]), "a photo that is cut by the horizon."),
        (np.full([3, 3], np.inf), "numbers that are not finite."),
        (np.zeros([3, 3]), "numbers that are not finite."),
    ],
)
def test_homographies_that_bend_are_refused(matrix, received):
    photo = np.zeros([40, 50, 3], "uint8")
    with pytest.raises(ValueError, match="Homographies must lay all photos on one canvas") as caught:
        STITCHER.stitch([photo, photo], np.stack([np.eye(3), matrix]))
    assert str(caught.value).endswith(f"Received: {received}")


def test_an_unknown_blend_is_refused():
    with pytest.raises(UnknownNameError, match="Received: 'soft'. Known: none, feather, multiband."):
        STITCHER.stitch([np.zeros([4, 4, 3], "uint8")], np.eye(3)[None], "soft")


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (3, 2)])
def test_the_smallest_photos(size):
    photo = np.full([*size, 3], 77, "uint8")
    for blend in BLENDS:
        picture, mask = STITCHER.stitch([photo], np.eye(3)[None], blend)
        np.testing.assert_array_equal(picture, photo)
        assert mask.all()
