"""Shapes that signatures declare: checked for placeholders, left to the graph where it checks them itself."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from exported_models import exported, random_pictures
from serving_models import models_dir

from serving.model_server.core.batching import Batching
from serving.model_server.core.saved_model_session import SavedModelSession
from serving.wire.status import InvalidArgument


@pytest.fixture(scope="module")
def parsing_model(tmp_path_factory):
    """As models of TF1 are: examples are parsed, and the signature names what the parsing gives."""
    directory = tmp_path_factory.mktemp("models") / "half_plus_two"
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session() as session:
        examples = tf.compat.v1.placeholder(tf.string, [None], name="examples")
        features = {"x": tf.io.FixedLenFeature([1], tf.float32)}
        parsed = tf.identity(tf.io.parse_example(examples, features)["x"], name="x")
        y = tf.add(parsed * 0.5, 2.0, name="y")
        tf.compat.v1.saved_model.simple_save(session, str(directory), {"x": parsed}, {"y": y})
    return directory


def predict(session, signature="serving_default", **arrays):
    return session.predict(session.signature(signature), arrays, decode=lambda array: array)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 1), (2, 3)])
def test_a_tensor_that_is_no_placeholder_takes_any_shape(parsing_model, shape):
    session = SavedModelSession(parsing_model)
    signature = session.signature("")
    assert signature.inputs["x"].shape == (-1, 1)
    x = np.arange(np.prod(shape, dtype=int), dtype="float32").reshape(shape)
    np.testing.assert_array_equal(predict(session, x=x)["y"], x * 0.5 + 2.0)


def test_a_limit_of_rows_still_holds_for_it(parsing_model):
    session = SavedModelSession(parsing_model, max_rows=2)
    with pytest.raises(InvalidArgument, match="at most 2 rows"):
        predict(session, x=np.zeros([3], "float32"))
    assert predict(session, x=np.float32(1.0))["y"] == 2.5


@pytest.mark.parametrize("shape", [(8,), (8, 8), (1, 8, 8, 2), (1, 7, 8, 1)])
def test_an_unguarded_convolution_never_sees_a_wrong_shape(shape):
    session = SavedModelSession(models_dir() / "convolution" / "1")
    with pytest.raises(InvalidArgument) as raised:
        predict(session, x=np.zeros(shape, "float32"))
    sent = ",".join(map(str, shape))
    assert raised.value.message.endswith(f"[{sent}] is not compatible with expected shape [?,8,8,1].")


@pytest.mark.parametrize("shape", [(8, 8, 3), (1, 8, 8, 1), (1, 2, 8, 8, 3)])
def test_a_graph_that_checks_the_shape_says_so_itself(shape):
    """With the node that found it, as TF Serving's clients see it."""
    session = SavedModelSession(exported("srcnn_x2").directory)
    with pytest.raises(InvalidArgument) as raised:
        predict(session, "upscale", images=np.zeros(shape, "uint8"))
    first, _, trace = raised.value.message.partition("\n\t [[")
    sent = ",".join(map(str, shape))
    expected = f"[{sent}] is not compatible with expected shape [?,?,?,3]."
    assert first == f"Shape of tensor _arg_upscale_images_0_0 {expected}"
    assert trace.startswith("{{function_node ")


def test_under_batching_a_wrong_shape_fails_alone():
    session = SavedModelSession(exported("srcnn_x2").directory)
    session.share_runs(Batching(), Path())
    with pytest.raises(InvalidArgument) as raised:
        predict(session, "upscale", images=np.zeros((1, 8, 8, 1), "uint8"))
    assert raised.value.message.endswith("is not compatible with expected shape [?,?,?,3].")
    assert predict(session, "upscale", images=random_pictures(1, 4, 4, 3))["images"].shape == (1, 8, 8, 3)


def test_under_batching_rows_are_checked_first():
    session = SavedModelSession(models_dir() / "linear" / "1")
    session.share_runs(Batching(), Path())
    with pytest.raises(InvalidArgument, match="must have at least one dimension$"):
        predict(session, x=np.float32(1.0))
    with pytest.raises(InvalidArgument, match="must have equal 0th-dimension size$"):
        predict(session, "two", a=np.zeros([2, 2], "float32"), b=np.zeros([3], "float32"))
