"""The zoo's networks and losses in PyTorch, as a baseline for `training_speed.py`.

Layers, kernel sizes, widths, paddings, batch normalisation, losses and Adam equal those of the Keras models
at the recipes' defaults. Keras' padding "same" is a padding of 1 here, for kernels of 4 and strides of 2.
Importing this module needs PyTorch, which the project itself does not.

Where PyTorch leaves a choice, uses the option that is faster on CPUs: channels-last memory and a fused Adam,
neither of which is the default. Networks run eagerly, which is PyTorch's default.

Sources:
    [DCGAN] Radford et al. 2015, arXiv 1511.06434.
    [GAN] Goodfellow et al. 2014, arXiv 1406.2661: the non-saturating losses.
    [Projection] Miyato & Koyama 2018, arXiv 1802.05637: the conditional discriminator.
    [VAE] Kingma & Welling 2014, arXiv 1312.6114.
    [SRCNN] Dong et al. 2014, arXiv 1501.00092.
"""

import itertools
import time
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from zoo.attributes.vocabulary import num_conditions
from zoo.conditional_vae.networks import NUM_FEATURES
from zoo.layers import pyramid
from zoo.super_resolution.srcnn import KERNEL_SIZES, NUM_FILTERS

# Keras' defaults: epsilon of Adam and of batch normalisation, and each step's share in the latter's averages.
ADAM_EPSILON = 1e-7
NORM_OPTIONS = {"eps": 1e-3, "momentum": 0.01}
CONVOLUTION_OPTIONS = {"kernel_size": pyramid.KERNEL_SIZE, "stride": pyramid.STRIDE, "padding": 1}
NUM_WARM_UP_STEPS = 5


class TorchTraining(nn.Module):
    """Base class that trains the networks of one of the zoo's models in PyTorch.

    A subclass creates its networks in `__init__`, calls `prepare`, and has a `train_step` that takes the
    batch's tensors: uint8 images `[N, C, h, w]`, int64 class ids `[N]`.

    Args:
        precision: `float32`, or `mixed_bfloat16` to run the networks under `torch.autocast`.
    """

    def __init__(self, precision: str):
        super().__init__()
        self.is_mixed = precision == "mixed_bfloat16"

    def prepare(self, model: keras.Model) -> None:
        """Sets the weights' memory format and checks that there are as many as in the Keras model.

        Raises:
            ValueError: The numbers of weights differ.
        """
        num_ours = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
        num_parameters = sum(parameter.numel() for parameter in self.parameters())
        if num_parameters != num_ours:
            raise ValueError(
                "The networks in PyTorch must have as many trained weights as those in Keras, because other "
                f"networks say nothing about speed. Received: {num_parameters:,} of {type(self).__name__}, "
                f"{num_ours:,} of {model.name}. Bring `torch_networks.py` up to date."
            )
        self.to(memory_format=torch.channels_last)

    def train_step(self, *batch: torch.Tensor) -> None:
        """Updates all weights once."""
        raise NotImplementedError

    def autocast(self) -> torch.autocast:
        """Returns the context in which the networks run."""
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.is_mixed)


class TorchDCGAN(TorchTraining):
    """Trains as `zoo.dcgan.DCGAN` does, both networks from one forward pass of each.

    Omits the generator's moving average and the gradient norms.
    """

    def __init__(self, model, learning_rate: float, precision: str):
        super().__init__(precision)
        self.latent_dim, self.num_conditions = model.latent_dim, num_conditions(model.attributes)
        shape = (model.image_size, model.channels, model.width)
        self.generator = _upsample(self.latent_dim + self.num_conditions, *shape)
        self.features = _downsample(*shape, batch_norm=False)
        num_features = pyramid.base_size(model.image_size) ** 2 * _widths(model.image_size, model.width)[-1]
        self.logits = nn.Linear(num_features, 1)
        self.projection = nn.Linear(self.num_conditions, num_features, bias=False)
        self.prepare(model)
        self.generator_weights = list(self.generator.parameters())
        discriminator = nn.ModuleList([self.features, self.logits, self.projection])
        self.discriminator_weights = list(discriminator.parameters())
        self.optimizers = [
            _make_adam(weights, learning_rate, beta_1=0.5)
            for weights in (self.generator_weights, self.discriminator_weights)
        ]

    def train_step(self, raw_images, category_ids):
        real_images = raw_images.float() / 127.5 - 1.0
        conditions = functional.one_hot(category_ids, self.num_conditions).float()
        with self.autocast():
            latents = torch.randn(len(raw_images), self.latent_dim)
            generated_images = torch.tanh(self.generator(torch.cat([latents, conditions], dim=1)).float())
            real_logits = self._discriminate(real_images, conditions)
            generated_logits = self._discriminate(generated_images, conditions)
        # [GAN] eq. 1 and section 3.
        discriminator_loss = functional.softplus(-real_logits).mean()
        discriminator_loss = discriminator_loss + functional.softplus(generated_logits).mean()
        generator_loss = functional.softplus(-generated_logits).mean()
        for weights, loss in (
            (self.generator_weights, generator_loss),
            (self.discriminator_weights, discriminator_loss),
        ):
            is_first = weights is self.generator_weights
            gradients = torch.autograd.grad(loss, weights, retain_graph=is_first)
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = gradient
        for optimizer in self.optimizers:
            optimizer.step()

    def _discriminate(self, images, conditions):
        """[Projection] eq. 3."""
        features = self.features(images)
        projected = (features.float() * self.projection(conditions).float()).sum(dim=1, keepdim=True)
        return self.logits(features).float() + projected


class TorchVAE(TorchTraining):
    """Trains as `zoo.conditional_vae.ConditionalVAE` does at its defaults."""

    def __init__(self, model, learning_rate: float, precision: str):
        super().__init__(precision)
        self.kl_weight, self.attribute_weight = model.kl_weight, model.attribute_weight
        self.num_conditions = num_conditions(model.attributes)
        shape = (model.image_size, model.channels, model.width)
        num_pooled = pyramid.base_size(model.image_size) ** 2 * _widths(model.image_size, model.width)[-1]
        self.features = nn.Sequential(
            _downsample(*shape, batch_norm=True), nn.Linear(num_pooled, NUM_FEATURES), nn.LeakyReLU(0.2)
        )
        self.latent_mean, self.latent_log_variance = (
            nn.Linear(NUM_FEATURES + self.num_conditions, model.latent_dim) for _ in range(2)
        )
        self.attribute_head = nn.Linear(NUM_FEATURES, self.num_conditions)
        self.decoder = nn.Sequential(
            nn.Linear(model.latent_dim + self.num_conditions, NUM_FEATURES),
            nn.ReLU(),
            _upsample(NUM_FEATURES, *shape),
        )
        self.prepare(model)
        self.optimizer = _make_adam(self.parameters(), learning_rate)

    def train_step(self, raw_images, category_ids):
        images = raw_images.float() / 255.0
        conditions = functional.one_hot(category_ids, self.num_conditions).float()
        with self.autocast():
            features = self.features(images)
            x = torch.cat([features, conditions], dim=1)
            mean, log_variance = self.latent_mean(x).float(), self.latent_log_variance(x).float()
            latents = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
            logits = self.decoder(torch.cat([latents, conditions], dim=1)).float()
            attribute_logits = self.attribute_head(features).float()
        # [VAE] eq. 10 and appendix B, in nats per picture.
        reconstruction_loss = functional.binary_cross_entropy_with_logits(logits, images, reduction="sum")
        kl_loss = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum()
        loss = (reconstruction_loss + self.kl_weight * kl_loss) / len(raw_images)
        loss = loss + self.attribute_weight * functional.cross_entropy(attribute_logits, category_ids)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


class TorchSRCNN(TorchTraining):
    """Trains as `zoo.super_resolution.srcnn.SRCNN` does at its defaults, on grey images."""

    def __init__(self, model, learning_rate: float, precision: str):
        super().__init__(precision)
        self.upscale_factor, self.margin = model.upscale_factor, model.margin
        sizes, (num_patches, num_mapped) = KERNEL_SIZES[model.kernels], NUM_FILTERS
        self.network = nn.Sequential(
            nn.Conv2d(model.channels, num_patches, sizes[0]),
            nn.ReLU(),
            nn.Conv2d(num_patches, num_mapped, sizes[1]),
            nn.ReLU(),
            nn.Conv2d(num_mapped, model.channels, sizes[2]),
        )
        self.prepare(model)
        self.optimizer = _make_adam(self.parameters(), learning_rate)

    def train_step(self, low_res_images, high_res_images):
        # With `antialias` PyTorch uses Keys' kernel with a = -0.5, as `zoo/pictures/resize.py` does; without,
        # a = -0.75.
        interpolated = functional.interpolate(
            low_res_images.float() / 255.0, scale_factor=self.upscale_factor, mode="bicubic", antialias=True
        )
        padded = functional.pad(interpolated, [self.margin] * 4, mode="replicate")
        with self.autocast():
            refined = self.network(padded).float()
        # [SRCNN] eq. 4.
        loss = functional.mse_loss(refined, high_res_images.float() / 255.0)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


TORCH_TRAININGS = {"dcgan": TorchDCGAN, "conditional_vae": TorchVAE, "srcnn": TorchSRCNN}


def endless_batches(arrays: Sequence[np.ndarray], batch_size: int) -> Iterator[list[torch.Tensor]]:
    """Draws batches from arrays in memory, in a new random order at each pass.

    Args:
        arrays: uint8 images `[N, h, w, C]` or integer class ids `[N]`, of the same N.
        batch_size: Rows per batch; an incomplete last batch is dropped.

    Yields:
        One tensor per array: uint8 `[batch_size, C, h, w]` in channels-last memory, or int64 ids.
    """
    tensors = [torch.from_numpy(array if array.ndim > 1 else array.astype("int64")) for array in arrays]
    while True:
        order = torch.randperm(len(tensors[0]))
        for rows in order[: len(order) // batch_size * batch_size].split(batch_size):
            batch = [tensor[rows] for tensor in tensors]
            yield [values.permute(0, 3, 1, 2) if values.ndim > 1 else values for values in batch]


def torch_seconds_per_step(
    training: TorchTraining, batches: Iterator[list[torch.Tensor]], num_steps: int
) -> float:
    """Measures some steps after a few warm-up steps; the time includes drawing the batches."""
    for batch in itertools.islice(batches, NUM_WARM_UP_STEPS):
        training.train_step(*batch)
    start = time.perf_counter()
    for batch in itertools.islice(batches, num_steps):
        training.train_step(*batch)
    return (time.perf_counter() - start) / num_steps


def _make_adam(parameters, learning_rate: float, beta_1: float = 0.9) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, learning_rate, betas=(beta_1, 0.999), eps=ADAM_EPSILON, fused=True)


def _widths(image_size: int, width: int) -> list[int]:
    """Returns the channels of the feature maps, from the largest map to the smallest."""
    return [width * min(2**level, 8) for level in range(pyramid.num_levels(image_size))]


def _downsample(image_size: int, channels: int, width: int, batch_norm: bool) -> nn.Sequential:
    """`zoo.layers.pyramid.downsample` of depth 0: images `[N, channels, S, S]` to vectors."""
    layers = []
    for level, filters in enumerate(_widths(image_size, width)):
        is_normalised = batch_norm and level > 0
        layers.append(nn.Conv2d(channels, filters, bias=not is_normalised, **CONVOLUTION_OPTIONS))
        if is_normalised:
            layers.append(nn.BatchNorm2d(filters, **NORM_OPTIONS))
        layers.append(nn.LeakyReLU(0.2))
        channels = filters
    return nn.Sequential(*layers, nn.Flatten())


def _upsample(num_inputs: int, image_size: int, channels: int, width: int) -> nn.Sequential:
    """`zoo.layers.pyramid.upsample` of depth 0: vectors to logits of images `[N, channels, S, S]`."""
    base, widths = pyramid.base_size(image_size), _widths(image_size, width)[::-1]
    num_units = base * base * widths[0]
    layers = [
        nn.Linear(num_inputs, num_units, bias=False),
        nn.BatchNorm1d(num_units, **NORM_OPTIONS),
        nn.ReLU(),
        nn.Unflatten(1, (widths[0], base, base)),
    ]
    for before, after in itertools.pairwise(widths):
        layers.append(nn.ConvTranspose2d(before, after, bias=False, **CONVOLUTION_OPTIONS))
        layers += [nn.BatchNorm2d(after, **NORM_OPTIONS), nn.ReLU()]
    return nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], channels, **CONVOLUTION_OPTIONS))
