"""Residual classifier: predicts a product's attributes from its picture and provides features for scores.

Sources:
    [ResNet] He et al. 2015, "Deep Residual Learning for Image Recognition", arXiv 1512.03385.
    [Tricks] He et al. 2018, "Bag of Tricks for Image Classification with Convolutional Neural Networks",
    arXiv 1812.01187: shortcuts that pool (ResNet-D).
    [Smoothing] Szegedy et al. 2015, "Rethinking the Inception Architecture for Computer Vision",
    arXiv 1512.00567, section 7.
"""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from zoo.attributes.loss import attribute_loss
from zoo.attributes.vocabulary import check_attributes, num_conditions, split_conditions
from zoo.errors import WrongUsageError
from zoo.hyperparameters import Count, Share
from zoo.layers.batch_norm import make_batch_norm
from zoo.pictures import pixels
from zoo.presets.from_preset import FromPreset
from zoo.step import replicas
from zoo.step.means import BatchMean, GradientNorm, update_means

SMALLEST_IMAGE_SIZE = 8
# Largest feature map that the residual blocks see: larger ones would cost most of the time and add little
# accuracy.
LARGEST_BLOCK_SIZE = 16
BLOCKS_PER_GROUP = 2
BATCH_NORM_MOMENTUM = 0.9


@keras.saving.register_keras_serializable("zoo")
class Classifier(FromPreset, keras.Model):
    """Predicts the attributes of a picture, with a probability for each of their values.

    Use it to label a shop's photos, to judge a generator's pictures, and to extract the features in which
    distances between sets of pictures are measured.

    Departures from [ResNet] section 4.2: two groups of two basic blocks instead of three, each twice as wide;
    strided convolutions before the first group reduce pictures to 16 pixels or fewer, which makes large
    pictures little more expensive than small ones; shortcuts that change the shape pool and project
    ([Tricks] figure 2c) instead of skipping pixels. All attributes share the features, and each has its own
    softmax; labels are smoothed [Smoothing].

    Args:
        attributes: The values of each attribute, in the order of their class ids.
        image_size: Side of the square pictures in pixels, at least 8.
        channels: 1 (grey) or 3 (RGB).
        width: Channels of the first convolution; the groups have twice and four times as many.
        label_smoothing: Share of the probability that training spreads over all values, in [0, 1).
        on_cutouts: Whether the pictures are products cut out and centred on white, as those of
            `zoo data build --cutout`; the exported model then cuts photos out first.
        dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default.

    Call arguments:
        raw_images: uint8 tensor `[N, image_size, image_size, channels]`.

    Returns:
        For each attribute a float32 tensor `[N, number of values]` of probabilities; each row sums to 1.

    Raises:
        ValueError: `image_size` or `label_smoothing` is out of range, or `attributes` are not distinct.

    Example:

    >>> model = Classifier({"category": ["bag", "shoe"]}, image_size=28, channels=1, width=4)
    >>> model(tf.zeros([3, 28, 28, 1], "uint8"))["category"].shape.as_list()
    [3, 2]
    """

    pixel_range = pixels.SYMMETRIC_RANGE

    def __init__(
        self,
        attributes: Mapping[str, Sequence[str]],
        image_size: int = 28,
        channels: int = 1,
        width: Count = 32,
        label_smoothing: Share = 0.1,
        on_cutouts: bool = False,
        dtype=None,
        name: str = "classifier",
        **kwargs,
    ):
        super().__init__(dtype=dtype, name=name, **kwargs)
        if image_size < SMALLEST_IMAGE_SIZE:
            raise WrongUsageError(
                f"`image_size` must be at least {SMALLEST_IMAGE_SIZE}, because the network halves pictures. "
                f"Received: image_size={image_size}. Resize the pictures, e.g. to 28."
            )
        if not 0 <= label_smoothing < 1:
            raise WrongUsageError(
                "`label_smoothing` must be at least 0 and below 1, because it is the share of each label "
                f"that is spread over all values. Received: label_smoothing={label_smoothing}. "
                "A common value is 0.1."
            )
        self.attributes = check_attributes(attributes)
        self.image_size = image_size
        self.channels = channels
        self.width = width
        self.label_smoothing = label_smoothing
        self.on_cutouts = on_cutouts

        self.features = self._build_features()
        self.attribute_head = self._build_attribute_head()
        self.loss_tracker = BatchMean("loss")
        self.gradient_norm = GradientNorm()
        self.accuracy_trackers = {
            attribute: BatchMean(f"{attribute}_accuracy") for attribute in self.attributes
        }
        self.built = True

    def call(self, raw_images):
        return self.judge(raw_images)

    def judge(self, raw_images) -> dict[str, tf.Tensor]:
        """Returns each attribute's probabilities, float32 `[N, number of values]`, for uint8 images."""
        logits = self.attribute_head(self.extract_features(raw_images), training=False)
        return {
            name: tf.nn.softmax(values) for name, values in split_conditions(self.attributes, logits).items()
        }

    def extract_features(self, raw_images) -> tf.Tensor:
        """Returns the softmaxes' input for uint8 images: non-negative features, float32 `[N, 4 * width]`."""
        return self._features(raw_images, training=False)

    def train_step(self, data):
        raw_images, attribute_ids = data
        with tf.GradientTape() as tape:
            loss, hits = self._objective(raw_images, attribute_ids, training=True)
            scaled_loss = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        gradients = tape.gradient(scaled_loss, variables)
        replicas.apply_gradients(self.optimizer, gradients, variables, self.gradient_norm)
        logs = self._update_trackers(tf.shape(raw_images)[0], loss, hits)
        return {**logs, "gradient_norm": self.gradient_norm.result()}

    def test_step(self, data):
        raw_images, attribute_ids = data
        loss, hits = self._objective(raw_images, attribute_ids, training=False)
        return self._update_trackers(tf.shape(raw_images)[0], loss, hits)

    def get_config(self):
        return {
            **super().get_config(),
            "attributes": {name: list(values) for name, values in self.attributes.items()},
            "image_size": self.image_size,
            "channels": self.channels,
            "width": self.width,
            "label_smoothing": self.label_smoothing,
            "on_cutouts": self.on_cutouts,
        }

    def _features(self, raw_images, training: bool):
        images = pixels.to_model_range(raw_images, self.pixel_range, self.compute_dtype)
        return self.features(images, training=training)

    def _objective(self, raw_images, attribute_ids, training: bool):
        """Returns the loss, and for each attribute the numbers of correct predictions and of known values."""
        logits = self.attribute_head(self._features(raw_images, training), training=training)
        return attribute_loss(self.attributes, logits, attribute_ids, self.label_smoothing)

    def _update_trackers(self, num_images, loss, hits):
        logs = update_means({"loss": self.loss_tracker}, {"loss": loss}, num_images)
        for name, (num_hits, num_known) in hits.items():
            accuracy, tracker = tf.math.divide_no_nan(num_hits, num_known), self.accuracy_trackers[name]
            logs |= update_means({tracker.name: tracker}, {tracker.name: accuracy}, num_known)
        return logs

    def _build_features(self) -> keras.Model:
        images = keras.Input((self.image_size, self.image_size, self.channels), name="images")
        x = self._convolve(images, self.width, name="stem_0")
        size, halvings = self.image_size, 0
        while size > LARGEST_BLOCK_SIZE:
            size, halvings = -(-size // 2), halvings + 1
            width = self.width if size > LARGEST_BLOCK_SIZE else 2 * self.width
            x = self._convolve(x, width, stride=2, name=f"stem_{halvings}")
        for group, width in enumerate((2 * self.width, 4 * self.width)):
            for block in range(BLOCKS_PER_GROUP):
                stride = 2 if group > 0 and block == 0 else 1
                x = self._add_block(x, width, stride, name=f"group_{group}_block_{block}")
        # float32, because distances between pictures are measured in these means.
        features = keras.layers.GlobalAveragePooling2D(dtype="float32", name="pool")(x)
        return keras.Model(images, features, name="features")

    def _add_block(self, x, width: int, stride: int, name: str):
        """[ResNet] figure 2: two convolutions beside a shortcut."""
        shortcut = x
        if stride > 1:
            shortcut = keras.layers.AveragePooling2D(
                stride, padding="same", dtype=self.dtype_policy, name=f"{name}_shortcut_pool"
            )(shortcut)
        if shortcut.shape[-1] != width:
            shortcut = self._normalise(shortcut, width, kernel_size=1, name=f"{name}_shortcut")
        x = self._convolve(x, width, stride, name=f"{name}_0")
        x = self._normalise(x, width, name=f"{name}_1")
        x = keras.layers.Add(dtype=self.dtype_policy, name=f"{name}_sum")([shortcut, x])
        return keras.layers.ReLU(dtype=self.dtype_policy, name=f"{name}_activation")(x)

    def _convolve(self, x, width: int, stride: int = 1, *, name: str):
        x = self._normalise(x, width, stride=stride, name=name)
        return keras.layers.ReLU(dtype=self.dtype_policy, name=f"{name}_activation")(x)

    def _normalise(self, x, width: int, kernel_size: int = 3, stride: int = 1, *, name: str):
        x = keras.layers.Conv2D(
            width,
            kernel_size,
            strides=stride,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            dtype=self.dtype_policy,
            name=f"{name}_conv",
        )(x)
        return make_batch_norm(momentum=BATCH_NORM_MOMENTUM, dtype=self.dtype_policy, name=f"{name}_norm")(x)

    def _build_attribute_head(self) -> keras.Model:
        features = keras.Input((4 * self.width,), name="features")
        logits = keras.layers.Dense(num_conditions(self.attributes), dtype="float32", name="attributes")
        return keras.Model(features, logits(features), name="attribute_head")
