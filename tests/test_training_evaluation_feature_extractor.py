"""Feature extractors: judges, a Keras file, and a frozen graph with Inception's tensor names."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from served_runs import trained_run

from training.evaluation.feature_extractor import FeatureExtractor, load_extractor
from training.trained_model import load_model


def write_graph(path, num_features=2048, input_name="ExpandDims"):
    """Writes a frozen graph whose features are each channel's mean, repeated."""
    graph = tf.Graph()
    with graph.as_default():
        images = tf.compat.v1.placeholder("float32", [None, None, None, 3], name=input_name)
        means = tf.reduce_mean(images, axis=[1, 2], keepdims=True)
        tf.identity(tf.tile(means, [1, 1, 1, -(-num_features // 3)])[..., :num_features], name="pool_3")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def pictures(num=3, size=16, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (num, size, size, channels), dtype="uint8")


def test_a_judge_gives_the_features_that_it_has(make_small_config):
    run = trained_run("conditional_vae", make_small_config)
    extractor = load_extractor(str(run))
    assert (extractor.name, extractor.is_inception) == ("conditional_vae", False)
    features = extractor.extract(pictures())
    assert (features.shape, features.dtype) == ((3, 256), "float32")
    np.testing.assert_allclose(features, load_model(run).extract_features(pictures()), atol=1e-5)
    # Whatever size and channels the pictures have.
    assert extractor.extract(pictures(size=20, channels=1)).shape == (3, 256)


def test_a_model_without_features_is_refused(make_small_config):
    with pytest.raises(ValueError, match="The extractor must have features.*Received: a SRCNN."):
        load_extractor(str(trained_run("srcnn", make_small_config)))


@pytest.mark.parametrize("channels", [1, 3])
def test_inception_graph_sees_rgb_resized_as_tensorflow_1_did(tmp_path, channels):
    extractor = load_extractor(str(write_graph(tmp_path / "graph.pb")))
    assert (extractor.name, extractor.is_inception) == ("Inception 2015", True)
    raw_images = pictures(channels=channels, size=2)
    features = extractor.extract(raw_images)
    assert features.shape == (3, 2048)
    # Without half-pixel centres, 2 pixels become 299 at positions 0, 2/299, 4/299, ...; those from 1 on are
    # the second pixel.
    positions = np.minimum(np.arange(299) * 2 / 299, 1.0)
    weight = positions.mean()
    rows = raw_images[:, 0] * (1 - weight) + raw_images[:, 1] * weight
    means = rows[:, 0] * (1 - weight) + rows[:, 1] * weight
    np.testing.assert_allclose(features[:, :3], np.broadcast_to(means, (3, 3)), rtol=1e-3)


def test_batches_make_no_difference(tmp_path):
    extractor = load_extractor(str(write_graph(tmp_path / "graph.pb")))
    raw_images = pictures(num=103, size=4)
    np.testing.assert_allclose(
        extractor.extract(raw_images)[-1:], extractor.extract(raw_images[-1:]), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("options", "problem"),
    [({"num_features": 2047}, "pool_3:0 with 2047 features"), ({"input_name": "images"}, "ExpandDims:0")],
)
def test_another_graph_is_not_taken_for_inception(tmp_path, options, problem):
    path = write_graph(tmp_path / "graph.pb", **options)
    with pytest.raises(ValueError, match="must be the Inception graph of 2015") as raised:
        load_extractor(str(path))
    assert problem in str(raised.value)


def test_damaged_graph_is_refused(tmp_path):
    (tmp_path / "graph.pb").write_bytes(b"no graph")
    with pytest.raises(ValueError, match="must be the Inception graph of 2015.*graph.pb"):
        load_extractor(str(tmp_path / "graph.pb"))


@pytest.mark.parametrize(("size", "channels"), [(8, 1), (8, 3), (None, 3)])
def test_keras_file_gets_the_size_and_channels_that_it_takes(tmp_path, size, channels):
    images = keras.Input((size, size, channels))
    keras.Model(images, keras.layers.AveragePooling2D(2)(images) if size else images).save(
        tmp_path / "n.keras"
    )
    extractor = load_extractor(str(tmp_path / "n.keras"))
    assert (extractor.name, extractor.is_inception) == ("n", False)
    features = extractor.extract(np.full((2, 16, 16, 1), 200, "uint8"))
    assert features.shape == (2, (16 if size else 256) * channels)
    assert features.min() == features.max() == 200.0


def test_keras_file_that_takes_no_pictures_is_refused(tmp_path):
    inputs = keras.Input((7,))
    keras.Model(inputs, inputs).save(tmp_path / "n.keras")
    with pytest.raises(ValueError, match="must be an undamaged Keras model that takes one batch of pictures"):
        load_extractor(str(tmp_path / "n.keras"))
    inputs = keras.Input((7, 7, 4))
    keras.Model(inputs, inputs).save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"square pictures with 1 or 3 channels.*\(None, 7, 7, 4\)"):
        load_extractor(str(tmp_path / "m.keras"))


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("no.pb", "Put classify_image_graph_def.pb from inception-2015-12-05.tgz there"),
        ("no.keras", "Put a model written by `model.save` there"),
    ],
)
def test_absent_weights_say_where_to_put_them(name, advice):
    with pytest.raises(
        FileNotFoundError, match="must be on disk, because they are not part of this package"
    ) as raised:
        load_extractor(name)
    assert f"Received: {name}, which does not exist. {advice}" in str(raised.value)


def test_extractor_flattens_maps():
    extractor = FeatureExtractor("maps", lambda raw_images: tf.cast(raw_images, "float32"))
    assert extractor.extract(np.zeros((5, 2, 3, 1), "uint8")).shape == (5, 6)


def test_a_graph_that_reads_files_is_refused_before_it_runs(tmp_path):
    """A file of unknown origin is code: the graph of Inception computes, and does nothing else."""
    secret, copy = tmp_path / "secret", tmp_path / "copy"
    secret.write_text("secret")
    with tf.Graph().as_default() as graph:
        written = tf.io.write_file(str(copy), tf.io.read_file(str(secret)))
        tf.compat.v1.placeholder(tf.float32, [None, None, None, 3], name="ExpandDims")
        with tf.control_dependencies([written]):
            tf.identity(tf.zeros([1, 1, 1, 2048]), name="pool_3")
    path = tmp_path / "graph.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(ValueError, match="operations that it does not need: .*ReadFile, WriteFile"):
        load_extractor(str(path))
    assert not copy.exists()
