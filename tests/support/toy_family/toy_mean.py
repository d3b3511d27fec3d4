"""A toy family's class, which learns each attribute value's mean image by gradient descent."""

import keras
import tensorflow as tf

from zoo.hyperparameters import Weight
from zoo.pictures import pixels
from zoo.presets.from_preset import FromPreset
from zoo.step.means import BatchMean, update_means


@keras.saving.register_keras_serializable("toy_family")
class ToyMean(FromPreset, keras.Model):
    """Learns the mean image of each attribute value.

    Args:
        attributes: The values of each attribute.
        image_size: Side of the pictures in pixels.
        channels: 1 or 3.
        darkness: Weight of the pictures' own brightness in the loss.
    """

    def __init__(
        self,
        attributes,
        image_size=8,
        channels=3,
        darkness: Weight = 0.0,
        dtype=None,
        name="toy_mean",
        **kwargs,
    ):
        super().__init__(dtype=dtype, name=name, **kwargs)
        self.attributes = {name: tuple(values) for name, values in attributes.items()}
        self.image_size, self.channels, self.darkness = image_size, channels, darkness
        self.attribute, values = next(iter(self.attributes.items()))
        shape = (len(values), image_size, image_size, channels)
        self.pictures = self.add_weight(name="pictures", shape=shape, dtype="float32")
        self.loss_tracker = BatchMean("loss")
        self.built = True

    def call(self, attribute_ids):
        return tf.gather(self.pictures, attribute_ids)

    def train_step(self, data):
        raw_images, attribute_ids = data
        with tf.GradientTape() as tape:
            loss = self._loss(raw_images, attribute_ids)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return update_means({"loss": self.loss_tracker}, {"loss": loss}, tf.shape(raw_images)[0])

    def test_step(self, data):
        raw_images, attribute_ids = data
        loss = self._loss(raw_images, attribute_ids)
        return update_means({"loss": self.loss_tracker}, {"loss": loss}, tf.shape(raw_images)[0])

    def _loss(self, raw_images, attribute_ids):
        pictures = self(tf.maximum(tf.cast(attribute_ids[self.attribute], "int32"), 0))
        images = pixels.to_model_range(raw_images, pixels.UNIT_RANGE)
        return tf.reduce_mean(tf.square(images - pictures)) + self.darkness * tf.reduce_mean(pictures)

    def get_config(self):
        own = ("attributes", "image_size", "channels", "darkness")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
