"""DCGAN that generates product pictures, conditional on the product's attributes.

Sources:
    [DCGAN] Radford et al. 2015, arXiv 1511.06434.
    [cGAN] Mirza & Osindero 2014, arXiv 1411.1784: attributes as an additional input.
    [Projection] Miyato & Koyama 2018, arXiv 1802.05637: the conditional discriminator.
    [AC-GAN] Odena et al. 2017, arXiv 1610.09585: the discriminator also predicts the attributes.
    [EMA] Yazici et al. 2019, arXiv 1806.04498: averaged generator weights for sampling.
    [SN] Miyato et al. 2018, arXiv 1802.05957: spectral normalisation of the discriminator.
    [R1] Mescheder et al. 2018, arXiv 1801.04406: a gradient penalty at real pictures.
    [Lazy] Karras et al. 2020, arXiv 1912.04958, appendix B: that penalty every 16th step.
    For losses see `zoo/dcgan/losses.py`, for augmentation `zoo/pictures/differentiable_augmentation.py`.
"""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from zoo.attributes.loss import attribute_loss
from zoo.attributes.vocabulary import check_attributes, num_conditions, one_hot_conditions
from zoo.dcgan.diversity import same_kind_distance
from zoo.dcgan.losses import LOSSES, interpolation_penalty, r1_penalty
from zoo.dcgan.networks import CONDITIONINGS, EMBEDDING, AdversarialNetworks
from zoo.dcgan.one_pass_gradients import one_pass_gradients
from zoo.errors import UnknownNameError, WrongUsageError
from zoo.hyperparameters import Count, CountOrNone, Share, Weight
from zoo.pictures import pixels
from zoo.pictures.differentiable_augmentation import check_policies, differentiable_augment
from zoo.presets.from_preset import FromPreset
from zoo.step import replicas
from zoo.step.loss_scaling import with_loss_scaling
from zoo.step.means import BatchMean, GradientNorm, update_means
from zoo.step.moving_average import follow, momentum_at

# [Lazy]: every 16th step is enough, because the penalty changes slowly.
R1_INTERVAL_STEPS = 16


@keras.saving.register_keras_serializable("zoo")
class DCGAN(FromPreset, keras.Model):
    """Generates product pictures from random latents and attributes.

    Use it to generate new pictures of a requested kind. To change an existing picture use `ConditionalVAE`.

    Departures from [DCGAN]: kernels are 4x4 instead of 5x5, the discriminator has no batch normalisation,
    both networks are updated after one forward pass through each (simultaneous instead of alternating
    gradient steps), and samples come from a moving average of the generator [EMA]. With `discriminator_steps`
    above 1, the additional steps compare the same real pictures with newly generated ones. With
    `classification_weight`, the discriminator learns attributes from real pictures only, whereas [AC-GAN]
    also trains it to recognise them in generated ones, however poor.

    Args:
        attributes: The values of each attribute, in the order of their class ids.
        image_size: Side of the square pictures in pixels: 4 to 7 times a power of two (28, 32, 64, 128).
        channels: 1 (grey) or 3 (RGB).
        latent_dim: Length of the latent vectors, drawn from a standard normal distribution.
        width: Channels of the largest feature map; smaller maps have up to eight times as many.
        depth: Number of 3x3 convolutions at each resolution of the generator; none in the paper [DCGAN].
        discriminator_depth: Number of 3x3 convolutions at each resolution of the discriminator.
        loss: Adversarial loss: `"non_saturating"`, `"hinge"` or `"wasserstein_gp"`.
        conditioning: How the discriminator receives attributes: `"projection"`, as an inner product with its
            features [Projection], or `"embedding"`, as a learned map beside the picture's channels [cGAN].
        classification_weight: Weight of an attribute classification loss for both networks [AC-GAN]. Pictures
            then show the requested attributes more often, and vary less. 0 switches it off.
        spectral_norm: Whether to normalise the discriminator's layers spectrally [SN].
        r1_weight: Weight (gamma) of the gradient penalty at real pictures [R1]; 0 switches it off.
        diff_augment: Augmentations of real and generated pictures before the discriminator, by name.
        discriminator_steps: Number of discriminator updates per generator update.
        ema_momentum: Share of the generator's moving average kept per step, in [0, 1); limited to
            (1 + n) / (10 + n) after n steps.
        seed: Seed of the latents drawn during training.
        dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default.

    Call arguments:
        latents: float tensor `[N, latent_dim]`.
        attribute_ids: For each attribute an integer tensor `[N]` of class ids.

    Returns:
        float32 tensor `[N, image_size, image_size, channels]`, range [-1, 1].

    Raises:
        ValueError: `image_size` is not 4 to 7 times a power of two, or `attributes` are not distinct.
        UnknownNameError: There is no such loss, conditioning or augmentation.
        WrongUsageError: `classification_weight` is combined with the conditioning `"embedding"`, which shows
            the discriminator the attributes that it must predict.

    Example:

    >>> model = DCGAN({"category": ["bag", "shoe"]}, image_size=28, channels=1, width=8)
    >>> model(tf.zeros([2, 64]), {"category": tf.constant([0, 1])}).shape.as_list()
    [2, 28, 28, 1]
    """

    pixel_range = pixels.SYMMETRIC_RANGE

    def __init__(
        self,
        attributes: Mapping[str, Sequence[str]],
        image_size: int = 28,
        channels: int = 1,
        latent_dim: Count = 64,
        width: Count = 64,
        depth: CountOrNone = 0,
        discriminator_depth: CountOrNone = 0,
        loss: str = "non_saturating",
        conditioning: str = "projection",
        classification_weight: Weight = 0.0,
        spectral_norm: bool = False,
        r1_weight: Weight = 0.0,
        diff_augment: Sequence[str] = (),
        discriminator_steps: Count = 1,
        ema_momentum: Share = 0.995,
        seed: int = 0,
        dtype=None,
        name: str = "dcgan",
        **kwargs,
    ):
        super().__init__(dtype=dtype, name=name, **kwargs)
        if loss not in LOSSES:
            raise UnknownNameError("loss of dcgan", loss, LOSSES)
        if conditioning not in CONDITIONINGS:
            raise UnknownNameError("conditioning of dcgan", conditioning, CONDITIONINGS)
        if classification_weight and conditioning == EMBEDDING:
            raise WrongUsageError(
                "`classification_weight` needs conditioning 'projection', because the discriminator must not "
                "see the attributes that it predicts. Received: "
                f"classification_weight={classification_weight}, conditioning={conditioning!r}. Set "
                "classification_weight to 0, or choose 'projection'."
            )
        check_policies(diff_augment)
        self.image_size = image_size
        self.channels = channels
        self.attributes = check_attributes(attributes)
        self.latent_dim = latent_dim
        self.width = width
        self.depth = depth
        self.discriminator_depth = discriminator_depth
        self.adversarial_loss = loss
        self.conditioning = conditioning
        self.classification_weight = classification_weight
        self.spectral_norm = spectral_norm
        self.r1_weight = r1_weight
        self.diff_augment = tuple(diff_augment)
        self.discriminator_steps = discriminator_steps
        self.ema_momentum = ema_momentum
        self.seed = seed

        networks = AdversarialNetworks(
            num_conditions(self.attributes),
            image_size,
            channels,
            latent_dim,
            width,
            depth,
            discriminator_depth,
            conditioning,
            tells_attributes=bool(classification_weight),
            spectral_norm=spectral_norm,
            dtype=self.dtype_policy,
        )
        self.generator = networks.build_generator("generator")
        self.ema_generator = networks.build_generator("ema_generator")
        self.ema_generator.trainable = False
        self.ema_generator.set_weights(self.generator.get_weights())
        self.discriminator = networks.build_discriminator()
        self.latent_seeds = keras.random.SeedGenerator(seed)
        self.trackers = {
            name: BatchMean(name) for name in ("discriminator_loss", "generator_loss", "diversity")
        }
        self.gradient_norms = {
            name: GradientNorm(f"{name}_gradient_norm") for name in ("discriminator", "generator")
        }
        self.built = True

    def call(self, latents, attribute_ids: Mapping[str, tf.Tensor]):
        return self.ema_generator(
            [latents, one_hot_conditions(self.attributes, attribute_ids)], training=False
        )

    def decode(self, latents, attribute_ids: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Draws pictures; arguments and result as for calling the model. Every generative model has it."""
        return self(latents, attribute_ids)

    def compile(self, generator_optimizer="adam", discriminator_optimizer="adam", **kwargs):
        """Sets the two optimizers, with loss scaling under a float16 policy.

        Args:
            generator_optimizer: Keras optimizer or its name.
            discriminator_optimizer: Keras optimizer or its name.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile` as in `keras.Model.compile`.
        """
        super().compile(optimizer=None, **kwargs)
        self.generator_optimizer = with_loss_scaling(generator_optimizer, self.compute_dtype)
        self.discriminator_optimizer = with_loss_scaling(discriminator_optimizer, self.compute_dtype)
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def train_step(self, data):
        raw_images, attribute_ids = data
        real_images = pixels.to_model_range(raw_images, self.pixel_range, self.compute_dtype)
        conditions = one_hot_conditions(self.attributes, attribute_ids)
        for _ in range(self.discriminator_steps - 1):
            self._update_discriminator(real_images, conditions, attribute_ids)

        with tf.GradientTape(persistent=True) as tape:
            generated_images = self._generate(conditions)
            # Not as one batch: the generator's gradient would also pass through the real half.
            real_logits, real_attributes = self._see(real_images, conditions)
            generated_logits, generated_attributes = self._see(generated_images, conditions)
            discriminator_loss = self.discriminator_loss(real_logits, generated_logits)
            generator_loss = self.generator_loss(generated_logits)
            discriminator_objective = self.discriminator_optimizer.scale_loss(
                discriminator_loss
                + self._penalty(real_images, generated_images, conditions)
                + self._classification_loss(real_attributes, attribute_ids)
            )
            generator_objective = self.generator_optimizer.scale_loss(
                generator_loss + self._classification_loss(generated_attributes, attribute_ids)
            )
        # Simultaneous updates: both gradients belong to the networks as they were before the step.
        discriminator_gradients, generator_gradients = self._differentiate(
            tape, discriminator_objective, generator_objective, generated_images, generated_logits
        )
        self._apply_to_discriminator(discriminator_gradients)
        self._apply_to_generator(generator_gradients)

        losses = {"discriminator_loss": discriminator_loss, "generator_loss": generator_loss}
        logs = update_means(self.trackers, losses, tf.shape(raw_images)[0])
        return {**logs, **{norm.name: norm.result() for norm in self.gradient_norms.values()}}

    def test_step(self, data):
        raw_images, attribute_ids = data
        num_images = tf.shape(raw_images)[0]
        real_images = pixels.to_model_range(raw_images, self.pixel_range, self.compute_dtype)
        conditions = one_hot_conditions(self.attributes, attribute_ids)
        # The same latents at every evaluation make epochs comparable.
        latents = replicas.normal((num_images, self.latent_dim), self.seed)
        generated_images = self.ema_generator([latents, conditions], training=False)
        real_logits, _ = self._discriminate(real_images, conditions, training=False)
        generated_logits, _ = self._discriminate(generated_images, conditions, training=False)
        # Variety of generated pictures of a kind relative to real ones: near 0 after a collapse.
        diversity = tf.math.divide_no_nan(
            same_kind_distance(generated_images, conditions), same_kind_distance(real_images, conditions)
        )
        return update_means(
            self.trackers,
            {
                "discriminator_loss": self.discriminator_loss(real_logits, generated_logits),
                "generator_loss": self.generator_loss(generated_logits),
                "diversity": diversity,
            },
            num_images,
        )

    def discriminator_loss(self, real_logits, generated_logits):
        """Returns the discriminator's adversarial loss without penalties, mean over the batch."""
        return LOSSES[self.adversarial_loss].discriminator(real_logits, generated_logits)

    def generator_loss(self, generated_logits):
        """Returns the generator's adversarial loss, mean over the batch."""
        return LOSSES[self.adversarial_loss].generator(generated_logits)

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "channels": self.channels,
            "attributes": {name: list(values) for name, values in self.attributes.items()},
            "latent_dim": self.latent_dim,
            "width": self.width,
            "depth": self.depth,
            "discriminator_depth": self.discriminator_depth,
            "loss": self.adversarial_loss,
            "conditioning": self.conditioning,
            "classification_weight": self.classification_weight,
            "spectral_norm": self.spectral_norm,
            "r1_weight": self.r1_weight,
            "diff_augment": list(self.diff_augment),
            "discriminator_steps": self.discriminator_steps,
            "ema_momentum": self.ema_momentum,
            "seed": self.seed,
        }

    def get_compile_config(self):
        return {
            "generator_optimizer": keras.saving.serialize_keras_object(self.generator_optimizer),
            "discriminator_optimizer": keras.saving.serialize_keras_object(self.discriminator_optimizer),
        }

    def compile_from_config(self, config):
        self.compile(**{name: keras.saving.deserialize_keras_object(value) for name, value in config.items()})

    def _generate(self, conditions):
        latents = replicas.normal((tf.shape(conditions)[0], self.latent_dim), self.latent_seeds)
        return self.generator([latents, conditions], training=True)

    def _see(self, images, conditions, training: bool = True):
        changed = differentiable_augment(images, self.diff_augment, self._draw_uniform)
        return self._discriminate(changed, conditions, training=training)

    def _see_twice(self, images, conditions):
        """Returns logits that can be differentiated twice, even inside `tf.cond`.

        TensorFlow cannot differentiate the gradients of `zoo/layers/strided_convolutions.py` there. Inference
        mode avoids them and gives the same logits. Training mode is needed only for the power iteration of
        spectral normalisation.
        """
        return self._see(images, conditions, training=self.spectral_norm)[0]

    def _discriminate(self, images, conditions, training: bool):
        """Returns the logits of being real, and the logits of the attributes or None."""
        outputs = self.discriminator([images, conditions], training=training)
        return outputs if self.classification_weight else (outputs, None)

    def _classification_loss(self, attribute_logits, attribute_ids):
        if not self.classification_weight:
            return 0.0
        loss, _ = attribute_loss(self.attributes, attribute_logits, attribute_ids)
        return self.classification_weight * loss

    def _draw_uniform(self, shape):
        return replicas.uniform(shape, self.latent_seeds)

    def _penalty(self, real_images, generated_images, conditions):
        """Returns the gradient penalties, which the discriminator's loss includes."""
        penalty = tf.constant(0.0)
        weight = LOSSES[self.adversarial_loss].gradient_penalty_weight
        if weight:
            mixing = tf.cast(self._draw_uniform([tf.shape(real_images)[0], 1, 1, 1]), real_images.dtype)
            generated_images = tf.stop_gradient(tf.cast(generated_images, real_images.dtype))
            penalty += weight * interpolation_penalty(
                lambda images: self._see_twice(images, conditions), real_images, generated_images, mixing
            )
        if self.r1_weight:
            penalty += tf.cond(
                self.discriminator_optimizer.iterations % R1_INTERVAL_STEPS == 0,
                # [R1] eq. 9, times the interval [Lazy].
                lambda: (
                    R1_INTERVAL_STEPS
                    * (self.r1_weight / 2)
                    * r1_penalty(lambda images: self._see_twice(images, conditions), real_images)
                ),
                lambda: 0.0,
            )
        return penalty

    def _update_discriminator(self, real_images, conditions, attribute_ids):
        generated_images = self._generate(conditions)
        with tf.GradientTape() as tape:
            real_logits, real_attributes = self._see(real_images, conditions)
            generated_logits, _ = self._see(generated_images, conditions)
            objective = self.discriminator_optimizer.scale_loss(
                self.discriminator_loss(real_logits, generated_logits)
                + self._classification_loss(real_attributes, attribute_ids)
                + self._penalty(real_images, generated_images, conditions)
            )
        variables = self.discriminator.trainable_variables
        replicas.apply_gradients(self.discriminator_optimizer, tape.gradient(objective, variables), variables)

    def _differentiate(
        self, tape, discriminator_objective, generator_objective, generated_images, generated_logits
    ):
        """Returns the gradients of each network's own objective, from one backward pass if possible."""
        discriminator_variables = self.discriminator.trainable_variables
        generator_variables = self.generator.trainable_variables
        # A single pass exceeds float16's range, and cannot include the attributes' separate logits.
        if self.classification_weight or self.compute_dtype == "float16":
            return (
                tape.gradient(discriminator_objective, discriminator_variables),
                tape.gradient(generator_objective, generator_variables),
            )
        return one_pass_gradients(
            tape,
            discriminator_objective,
            generator_objective,
            generated_images,
            generated_logits,
            discriminator_variables,
            generator_variables,
        )

    def _apply_to_discriminator(self, gradients):
        replicas.apply_gradients(
            self.discriminator_optimizer,
            gradients,
            self.discriminator.trainable_variables,
            self.gradient_norms["discriminator"],
        )

    def _apply_to_generator(self, gradients):
        """Updates the generator and its moving average [EMA]."""
        replicas.apply_gradients(
            self.generator_optimizer,
            gradients,
            self.generator.trainable_variables,
            self.gradient_norms["generator"],
        )
        momentum = momentum_at(self.generator_optimizer.iterations, self.ema_momentum)
        follow(self.ema_generator, self.generator, momentum)
