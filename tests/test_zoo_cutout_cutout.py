"""Cutout: masks at the photo's own size, edges found again, bytes that stay, and a network that learns."""

import checks
import numpy as np
import pytest
import tensorflow as tf
from dark_products import dark_square, inside_of, make_dark

from zoo.cutout.cutout import Cutout
from zoo.cutout.losses import EDGE_WEIGHT, edge_weights, mask_loss
from zoo.cutout.mask_refinement import free_fringe, refine_mask
from zoo.errors import WrongUsageError

SMALL = {"image_size": 32, "width": 4}


def test_configuration_survives():
    checks.check_config_round_trip(Cutout(**SMALL))


@pytest.mark.parametrize(("image_size", "nearest"), [(40, 32), (8, 16), (0, 16), (-16, 16)])
def test_a_size_that_cannot_be_halved_is_refused(image_size, nearest):
    with pytest.raises(
        WrongUsageError, match=f"Received: image_size={image_size}. Nearest allowed size: {nearest}"
    ):
        Cutout(image_size=image_size)


@pytest.mark.slow
def test_eight_masks_are_learned():
    masks = np.zeros([8, 32, 32, 1], "uint8")
    for row in range(8):
        masks[row, row + 4 : row + 20, 8:24] = 255
    photos = np.where(masks > 0, np.array([200, 40, 40]), np.array([60, 120, 60])).astype("uint8")
    model = Cutout(**SMALL)
    model.compile(optimizer="adam", jit_compile=False)
    model.optimizer.learning_rate = 0.01
    before = float(model.test_step((photos, masks))["loss"])
    checks.fit(model, (photos, masks), 80)
    model.reset_metrics()
    logs = model.test_step((photos, masks))
    assert float(logs["loss"]) < 0.5 * before
    assert float(logs["iou"]) > 0.9


def test_loss_of_a_right_mask_is_nothing_and_edges_weigh_more():
    masks = np.zeros([1, 40, 40, 1], "float32")
    masks[:, 10:30, 10:30] = 1.0
    assert float(mask_loss(masks, 40.0 * masks - 20.0)) < 1e-6
    # Nothing is known: ln 2 for the pixels, and a third overlaps where a quarter is product.
    weights = edge_weights(masks).numpy()
    overlap = (0.5 * (weights * masks).sum() + 1) / ((weights * (0.5 + 0.5 * masks)).sum() + 1)
    assert float(mask_loss(masks, 0.0 * masks)) == pytest.approx(np.log(2) + 1 - overlap, rel=1e-5)
    assert weights[0, 0, 0, 0] == weights[0, 20, 20, 0] == 1.0
    assert 1.3 * EDGE_WEIGHT / 4 < weights[0, 10, 20, 0] - 1.0 < EDGE_WEIGHT


@pytest.mark.parametrize(("height", "width"), [(80, 60), (61, 200), (300, 900)])
def test_masks_have_the_size_of_the_photo_and_its_edges(height, width):
    photo = dark_square(height, width)
    (mask,) = make_dark(Cutout, image_size=96, width=4).find_masks(photo[np.newaxis]).numpy()
    assert mask.shape == (height, width, 1)
    assert mask[inside_of(photo, margin=12)].min() == 1.0
    truth = photo[..., :1] < 200
    # An edge pixel of the small mask covers up to nine of the photo's.
    assert np.mean((mask > 0.5) == truth) > 0.99
    assert mask[0].max() == mask[-1].max() == 0.0


@pytest.mark.parametrize("shape", [(1, 1, 3), (10, 10, 3), (1, 50, 3)])
def test_tiny_photos_have_masks(shape):
    assert make_dark(Cutout, **SMALL).find_masks(np.zeros([1, *shape], "uint8")).shape == (1, *shape[:2], 1)


def test_pixels_of_the_product_keep_their_bytes():
    photo = dark_square()
    colours, mask = make_dark(Cutout, **SMALL).cut_out(tf.constant(photo))
    is_whole = mask.opacity.numpy()[..., 0] == 1.0
    assert is_whole.sum() > 800
    np.testing.assert_array_equal(colours.numpy()[is_whole], photo[is_whole])


def test_the_ground_leaves_the_fringe():
    product, ground = np.array([200.0, 30.0, 40.0]), np.array([20.0, 120.0, 220.0])
    opacity = np.zeros([40, 40, 1], "float32")
    opacity[:, :19], opacity[:, 19] = 1.0, 0.5
    photo = np.round(opacity * product + (1 - opacity) * ground).astype("uint8")
    colours = free_fringe(tf.constant(photo), tf.constant(opacity)).numpy()
    # Half ground before, hardly any of it afterwards.
    assert np.abs(photo[20, 19] - product).max() > 85
    assert np.abs(colours[20, 19] - product).max() < 20


def test_a_mask_follows_an_edge_that_it_missed_by_pixels():
    photo = np.full([100, 100, 3], 240, "uint8")
    photo[:, :50] = 30
    probabilities = np.zeros([100, 100, 1], "float32")
    probabilities[:, :52] = 1.0
    refined = refine_mask(tf.constant(photo), tf.constant(probabilities)).numpy()[50, :, 0]
    assert refined[45] == 1.0
    assert refined[49] > 0.5 > refined[50]


def test_a_photo_without_a_product_says_so():
    model = make_dark(Cutout, **SMALL)
    masks = model.find_masks(np.stack([np.full([80, 60, 3], 230, "uint8"), dark_square()]))
    assert model.has_product(masks).numpy().tolist() == [False, True]
