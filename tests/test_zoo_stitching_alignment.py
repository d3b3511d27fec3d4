"""Alignment: photos are laid where they belong, and what does not belong is refused with the true reason."""

import numpy as np
import pytest
from garment_photos import wide_photo
from overlapping_views import corner_error, make_views

from zoo.stitching import alignment as module
from zoo.stitching.alignment import align
from zoo.stitching.matching import BENT, NOTHING_IN_COMMON, REPEATS
from zoo.stitching.view import view_photo

SHIRT, DRESS, PANTS = "02-t-shirt", "10-dress", "05-pants"


def aligned(*raw_images):
    return align([view_photo(raw_image) for raw_image in raw_images])


def reasons(alignment):
    return {index: refusal.reason for index, refusal in alignment.refused.items()}


def pattern(draw, height=300, width=420, x=0, y=0, seed=0):
    rows, columns = np.mgrid[y : y + height, x : x + width]
    noise = np.random.default_rng(seed).normal(0, 2, [height, width])
    grey = np.clip(draw(columns, rows) + noise, 0, 255).astype("uint8")
    return np.repeat(grey[..., None], 3, axis=-1)


@pytest.mark.parametrize("name", [SHIRT, DRESS, "01-shirt"])
@pytest.mark.parametrize(("overlap", "limit"), [(0.5, 0.4), (0.3, 0.8), (0.2, 2.0)])
def test_two_views_are_laid_within_a_pixel_or_two(name, overlap, limit):
    first, second = make_views(wide_photo(name), 2, overlap)
    found = aligned(first.raw_image, second.raw_image)
    assert sorted(found.order) == [0, 1]
    assert not found.refused
    views = [(first, second)[index] for index in found.order]
    assert corner_error(found.homographies[1], *views) < limit
    np.testing.assert_array_equal(found.homographies[0], np.eye(3))


def test_photos_in_any_order_are_laid_around_the_one_in_the_middle():
    views = make_views(wide_photo(SHIRT, 500), 3, 0.4)
    shuffled = [views[index] for index in (2, 0, 1)]
    found = aligned(*(view.raw_image for view in shuffled))
    assert found.order[0] == 2
    assert sorted(found.order) == [0, 1, 2]
    for index, homography in zip(found.order, found.homographies, strict=True):
        assert corner_error(homography, shuffled[2], shuffled[index]) < 1.0


def test_what_shows_something_else_is_left_out():
    first, second = make_views(wide_photo(SHIRT), 2, 0.4)
    found = aligned(first.raw_image, wide_photo(PANTS), second.raw_image)
    assert sorted(found.order) == [0, 2]
    assert reasons(found) == {1: NOTHING_IN_COMMON}


def test_photos_with_nothing_in_common_leave_one():
    found = aligned(wide_photo(SHIRT), wide_photo(PANTS))
    assert found.order == [0]
    assert reasons(found) == {1: NOTHING_IN_COMMON}


def test_the_same_photo_twice_is_used_once():
    first, second = make_views(wide_photo(SHIRT), 2, 0.4)
    brighter = np.clip(first.raw_image * 1.1, 0, 255).astype("uint8")
    found = aligned(first.raw_image, second.raw_image, brighter)
    assert sorted(found.order) == [0, 1]
    assert reasons(found) == {2: module.SAME}
    assert found.refused[2].other == 0


def test_a_mirrored_photo_is_refused_as_such():
    first, second = make_views(wide_photo(SHIRT), 2, 0.4)
    found = aligned(first.raw_image, second.raw_image[:, ::-1])
    assert reasons(found) == {1: module.MIRRORED}


@pytest.mark.parametrize("size", [16, 37])
def test_checks_without_end_are_refused_because_they_fit_everywhere(size):
    def checks(x, y):
        return 60 + 120 * ((x // size + y // size) % 2)

    assert reasons(aligned(pattern(checks), pattern(checks, x=200, y=3, seed=1))) == {1: REPEATS}


def test_plain_photos_are_refused():
    plain = [np.full([200, 300, 3], level, "uint8") for level in (128, 130)]
    assert reasons(aligned(*plain)) == {1: NOTHING_IN_COMMON}


@pytest.mark.parametrize("level", [60, 0])
def test_photos_that_match_nothing_are_still_known_twice(level):
    photo = pattern(lambda x, y: 60 + level * ((x // 16 + y // 16) % 2))
    assert reasons(aligned(photo, photo)) == {1: module.SAME}


def test_a_photo_from_nearer_by_is_used():
    first, second = make_views(wide_photo(SHIRT, 700), 2, 0.5)
    found = aligned(first.raw_image[::2, ::2], second.raw_image)
    assert sorted(found.order) == [0, 1]


def test_a_photo_that_would_be_bent_is_refused():
    first, second = make_views(wide_photo(SHIRT), 2, 0.6)
    narrow = np.repeat(second.raw_image, 3, axis=0)
    found = aligned(first.raw_image, narrow)
    assert reasons(found)[1] in (BENT, NOTHING_IN_COMMON)


def test_grey_and_coloured_photos_fit():
    first, second = make_views(wide_photo(SHIRT), 2, 0.4)
    grey = np.repeat(second.raw_image.mean(axis=-1, keepdims=True), 3, axis=-1).astype("uint8")
    assert sorted(aligned(first.raw_image, grey).order) == [0, 1]
