"""Small SavedModels and a running server, for tests of the serving layer."""

import contextlib
import functools
from pathlib import Path

import tensorflow as tf
from free_ports import free_port
from inference_models import save_examples_model
from kept_directories import make_directory
from tensorflow.core.protobuf import saved_model_pb2

from serving.launch.config_files import write_config_files
from serving.model_server.server import ModelServer

SLOW_HAS_BEGUN = "The slow signature has begun."


class Linear(tf.Module):
    """Computes `y = factor * x`, with one signature for each server rule that needs its own."""

    def __init__(self, factor):
        self.factor = tf.Variable(float(factor))

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")])
    def double(self, x):
        return {"y": self.factor * x}

    @tf.function(
        input_signature=[
            tf.TensorSpec((None,), tf.float32, name="a"),
            tf.TensorSpec((None,), tf.float32, name="b"),
        ]
    )
    def two(self, a, b):
        return {"sum": a + b, "difference": a - b}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, name="x")])
    def total(self, x):
        return {"y": tf.reduce_sum(x)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, name="x")])
    def uneven(self, x):
        return {"y": x, "z": tf.concat([x, x], 0)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, name="x")])
    def slow(self, x):
        """Never ends, and says on stderr that it has begun."""
        tf.print(SLOW_HAS_BEGUN)
        return {"y": tf.while_loop(lambda y: tf.reduce_all(y < 1e9), lambda y: [y + 1.0], [x])[0]}

    @tf.function(input_signature=[tf.TensorSpec((None, None), tf.float32, name="x")])
    def kernel(self, x):
        return {"y": tf.matmul(x, tf.ones((4, 3)))}


class Echo(tf.Module):
    """Returns its inputs, with one signature per data type."""

    def signatures(self):
        types = (tf.float32, tf.float64, tf.int32, tf.uint8, tf.int64, tf.bool, tf.string, tf.uint32, tf.half)
        return {dtype.name: self.make(dtype) for dtype in types}

    def make(self, dtype):
        @tf.function(input_signature=[tf.TensorSpec(None, dtype, name="x")])
        def echo(x):
            return {"y": tf.identity(x)}

        return echo


class Pictures(tf.Module):
    """Has the interface of this project's models: bytes or uint8 in and out, and an `error` per row."""

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="image_bytes")])
    def png(self, image_bytes):
        is_bad = tf.equal(image_bytes, b"bad")
        return {"image_bytes": image_bytes, "error": tf.where(is_bad, "not a picture", "")}

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")])
    def invert(self, images):
        return {"images": 255 - images, "error": tf.fill([tf.shape(images)[0]], "")}


class Convolution(tf.Module):
    """Lacks `tf.ensure_shape`, as models of `model.export()` do, so a wrong rank aborts the process."""

    def __init__(self):
        self.kernel = tf.Variable(tf.ones((3, 3, 1, 2)))

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 1), tf.float32, name="x")])
    def convolve(self, x):
        return {"y": tf.nn.relu(tf.nn.conv2d(x, self.kernel, 1, "VALID") + tf.constant([1.0, 2.0]))}


class Scores(tf.Module):
    """A classifier as TensorFlow 2 saves it: every signature is declared for Predict."""

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="inputs")])
    def classify(self, inputs):
        x = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([2], tf.float32)})["x"]
        return {"classes": tf.fill(tf.shape(x), "any"), "scores": x}

    @tf.function(input_signature=[])
    def none(self):
        return {"y": tf.constant([1.0])}


@functools.cache
def models_dir() -> Path:
    """Returns a directory of models, made once for the whole test run."""
    directory = make_directory("serving-models")
    for version in (1, 2):
        linear = Linear(version)
        save(
            linear,
            directory / "linear" / str(version),
            serving_default=linear.double,
            two=linear.two,
            defaulted=linear.two,
            total=linear.total,
            uneven=linear.uneven,
            slow=linear.slow,
            kernel=linear.kernel,
        )
        add_default(directory / "linear" / str(version), "defaulted", "b", 10.0)
    echo = Echo()
    save(echo, directory / "echo" / "1", **echo.signatures())
    pictures = Pictures()
    save(
        pictures,
        directory / "pictures" / "1",
        serving_default=pictures.png,
        upscale_png=pictures.png,
        invert=pictures.invert,
    )
    convolution = Convolution()
    save(convolution, directory / "convolution" / "1", serving_default=convolution.convolve)
    scores = Scores()
    save(scores, directory / "scores" / "1", serving_default=scores.classify, none=scores.none)
    save_examples_model(directory / "examples" / "1")
    return directory


def save(module, path, **signatures):
    """Saves a module with the given signatures."""
    tf.saved_model.save(module, str(path), signatures=signatures)


def add_default(path, signature_name, alias, value):
    """Gives an input a default value, which TensorFlow's Python API cannot do."""
    with _changed_signature(path, signature_name) as signature:
        signature.defaults[alias].CopyFrom(tf.make_tensor_proto([value], tf.float32))


def set_method_name(path, signature_name, method_name):
    """Declares a signature for another method."""
    with _changed_signature(path, signature_name) as signature:
        signature.method_name = method_name


@contextlib.contextmanager
def _changed_signature(path, signature_name):
    file = path / "saved_model.pb"
    saved_model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    yield saved_model.meta_graphs[0].signature_def[signature_name]
    file.write_bytes(saved_model.SerializeToString())


@contextlib.contextmanager
def running_server(config_dir: Path, **flags):
    """Runs a server in this process on all of `models_dir`; yields it."""
    write_config_files(models_dir(), config_dir)
    defaults = {
        "port": free_port(),
        "rest_api_port": free_port(),
        "model_config_file": str(config_dir / "models.config"),
        "allow_version_labels_for_unavailable_models": True,
    }
    server = ModelServer(**(defaults | flags))
    server.start()
    try:
        yield server
    finally:
        server.stop(grace_seconds=1)
