"""Feature extractors: networks in whose features distances between sets of pictures are measured.

Sources:
    [FID] Heusel et al. 2017, arXiv 1706.08500: features of the Inception graph of 2015-12-05, layer `pool_3`,
    of pictures resized by TensorFlow 1's bilinear interpolation without antialiasing.
"""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from training.trained_model import Source, load_run_or_preset
from zoo.pictures import pixels
from zoo.pictures.resize import to_square

INCEPTION_NAME = "Inception 2015"
_INCEPTION_FILE = "classify_image_graph_def.pb"
_INCEPTION_INPUT, _INCEPTION_OUTPUT = "ExpandDims:0", "pool_3:0"
_INCEPTION_SIDE, _INCEPTION_FEATURES = 299, 2048
_BATCH_SIZE = 100
# What the Inception graph of 2015, and copies of it, consist of.
_OPERATIONS = frozenset(
    [
        "Add",
        "AddV2",
        "AvgPool",
        "BatchNormWithGlobalNormalization",
        "BiasAdd",
        "Cast",
        "CheckNumerics",
        "Concat",
        "ConcatV2",
        "Const",
        "Conv2D",
        "DecodeJpeg",
        "DepthwiseConv2dNative",
        "ExpandDims",
        "FusedBatchNorm",
        "FusedBatchNormV2",
        "FusedBatchNormV3",
        "Identity",
        "MatMul",
        "MaxPool",
        "Maximum",
        "Mean",
        "Minimum",
        "Mul",
        "Neg",
        "NoOp",
        "Pack",
        "Pad",
        "Placeholder",
        "PlaceholderWithDefault",
        "RealDiv",
        "Relu",
        "Reshape",
        "ResizeBilinear",
        "Rsqrt",
        "Shape",
        "Softmax",
        "Squeeze",
        "StopGradient",
        "StridedSlice",
        "Sub",
        "Tile",
        "Transpose",
    ]
)


class FeatureExtractor:
    """Maps pictures to feature vectors batch by batch.

    Args:
        name: Name that scores give for the extractor, e.g. `"classifier"`.
        function: Maps a uint8 tensor `[N, h, w, 1 or 3]` to a float tensor whose first dimension is N.
        is_inception: Whether a Frechet distance on the features may be called FID.

    Example:

    >>> extractor = FeatureExtractor("means", lambda raw_images: tf.reduce_mean(raw_images, axis=(1, 2)))
    >>> extractor.extract(np.full((2, 4, 4, 1), 7, "uint8")).tolist()
    [[7.0], [7.0]]
    """

    def __init__(self, name: str, function: Callable, is_inception: bool = False):
        self.name = name
        self.is_inception = is_inception
        self._function = function

    def extract(self, raw_images: np.ndarray) -> np.ndarray:
        """Extracts the features of pictures.

        Args:
            raw_images: uint8 array `[N, h, w, 1 or 3]`, N at least 1.

        Returns:
            float32 array `[N, F]`.
        """
        features = []
        for start in range(0, len(raw_images), _BATCH_SIZE):
            batch = self._function(tf.convert_to_tensor(raw_images[start : start + _BATCH_SIZE], "uint8"))
            features.append(np.reshape(batch, (len(batch), -1)).astype("float32"))
        return np.concatenate(features)


def load_extractor(name: str) -> FeatureExtractor:
    """Loads a feature extractor.

    Args:
        name: A run directory or preset of a model that has features (`classifier`, `conditional_vae`); the
            path of the Inception graph of 2015 (`.pb`); or the path of a Keras file (`.keras`), whose
            flattened output serves as features. A Keras model receives float32 images in [0, 255], in the
            size and channels of its input.

    Returns:
        The extractor.

    Raises:
        FileNotFoundError: There is no such file or run; the message says where to put the weights.
        ValueError: The file is not such a network, or the run's model has no features.

    Example:

    ```python
    extractor = load_extractor("runs/classifier")
    frechet_distance(extractor.extract(test_images), extractor.extract(generated_images))
    ```
    """
    suffix = Path(name).suffix
    if suffix == ".pb":
        return _load_inception(Path(name))
    if suffix == ".keras":
        return _load_keras_file(Path(name))
    source = load_run_or_preset(name)
    return extractor_of(source, source.config.model)


def extractor_of(source: Source, name: str) -> FeatureExtractor:
    """Makes an extractor from a model with `extract_features`, e.g. a judge.

    Args:
        source: A model that can judge: it has `extract_features`, `image_size` and `channels`.
        name: Name that scores give for the extractor.

    Raises:
        ValueError: The model has no features.
    """
    if not source.recipe.is_judge:
        raise ValueError(
            "The extractor must have features in which to compare pictures, as a classifier has. "
            f"Received: a {type(source.model).__name__}. Name the run or preset of a classifier."
        )
    model = source.model

    @tf.function(autograph=False)
    def extract(raw_images):
        return model.extract_features(fit_pictures(raw_images, model.image_size, model.channels))

    return FeatureExtractor(name, extract)


def _load_inception(path: Path) -> FeatureExtractor:
    if not path.exists():
        raise FileNotFoundError(
            "The extractor's weights must be on disk, because they are not part of this package. "
            f"Received: {path}, which does not exist. Put {_INCEPTION_FILE} from inception-2015-12-05.tgz "
            "there, or name the run of a classifier instead."
        )
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
        _check_operations(graph)
        extract = _import_graph(graph)
        num_features = extract(tf.zeros([1, 8, 8, 3], "uint8")).shape[-1]
    except Exception as error:  # raised by protobuf, or by whatever the graph lacks
        raise ValueError(_wrong_graph(path, str(error))) from error
    if num_features != _INCEPTION_FEATURES:
        raise ValueError(_wrong_graph(path, f"{_INCEPTION_OUTPUT} with {num_features} features"))
    return FeatureExtractor(INCEPTION_NAME, extract, is_inception=True)


def _check_operations(graph) -> None:
    """Raises `ValueError` if a graph could do more than compute: a file of unknown origin may read files."""
    functions = (function.node_def for function in graph.library.function)
    operations = {node.op for nodes in (graph.node, *functions) for node in nodes}
    if foreign := sorted(operations - _OPERATIONS):
        raise ValueError(f"operations that it does not need: {', '.join(foreign)}")


def _wrong_graph(path: Path, problem: str) -> str:
    return (
        f"A .pb file must be the Inception graph of 2015 ({_INCEPTION_FILE}), with {_INCEPTION_INPUT} and "
        f"{_INCEPTION_OUTPUT} of {_INCEPTION_FEATURES} features, because only its distances are FIDs. "
        f"Received: {path} ({problem}). To use another network, name a .keras file or a run."
    )


def _import_graph(graph) -> Callable:
    def run(raw_images):
        images = tf.cast(pixels.match_channels(raw_images, 3), "float32")
        # [FID] The graph's own resize, done here because copies of the graph differ.
        images = tf.compat.v1.image.resize_bilinear(images, [_INCEPTION_SIDE, _INCEPTION_SIDE])
        (pooled,) = tf.graph_util.import_graph_def(
            graph, input_map={_INCEPTION_INPUT: images}, return_elements=[_INCEPTION_OUTPUT]
        )
        return tf.reshape(pooled, [tf.shape(images)[0], pooled.shape[-1]])

    return tf.function(run, autograph=False)


def _load_keras_file(path: Path) -> FeatureExtractor:
    if not path.exists():
        raise FileNotFoundError(
            "The extractor's weights must be on disk, because they are not part of this package. "
            f"Received: {path}, which does not exist. Put a model written by `model.save` there, or name the "
            "run of a classifier instead."
        )
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)  # no code of its own
        _, height, width, channels = model.input_shape
    except Exception as error:  # whatever loading may raise
        raise ValueError(
            "A .keras file must be an undamaged Keras model that takes one batch of pictures. "
            f"Received: {path} ({error}). Save it again with `model.save`."
        ) from error
    if channels not in (1, 3) or height != width:
        raise ValueError(
            "A .keras file must take square pictures with 1 or 3 channels. "
            f"Received: {path} with input shape {model.input_shape}. Name another model."
        )

    @tf.function(autograph=False)
    def extract(raw_images):
        raw_images = fit_pictures(raw_images, height, channels)
        return tf.cast(model(tf.cast(raw_images, "float32"), training=False), "float32")

    return FeatureExtractor(path.stem, extract)


def fit_pictures(raw_images, image_size: int | None, channels: int) -> tf.Tensor:
    """Converts uint8 images to a network's number of channels, and to its size if that is fixed."""
    raw_images = pixels.match_channels(raw_images, channels)
    return raw_images if image_size is None else to_square(raw_images, image_size)
