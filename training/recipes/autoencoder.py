"""Recipe of the autoencoder in whose latents `latent_flow` generates."""

from training.data.data_sets import rendered_note
from training.input.labelled_pictures import read_pictures
from training.loss_network.perceptual_distance import PerceptualDistance
from training.pages.picture_sheet import PictureSheet
from training.recipes.base.attribute_recipe import AttributeRecipe, blank_pictures
from training.recipes.base.learning_rate import make_learning_rate
from training.recipes.base.loss_network_option import choose_loss_network, loss_network_option
from training.recipes.base.recipe import TimedAnswer
from training.recipes.base.search_space import Choice, Range
from zoo.latent_flow.autoencoder import Autoencoder
from zoo.pictures import pixels
from zoo.step.adam import FusedAdam

SAMPLE_ROWS, SAMPLE_COLUMNS = 3, 8
MAX_GRADIENT_NORM = 1.0


class AutoencoderRecipe(AttributeRecipe):
    """Trains `zoo.latent_flow.autoencoder.Autoencoder` on photos, without their attributes."""

    model_name = "autoencoder"
    epochs = 30
    batch_size = 16
    learning_rate = 1e-3
    schedule = "cosine"
    optimizer_options = {"loss_network": ""}
    search_space = {
        "learning_rate": Range(2e-4, 3e-3, log=True),
        "latent_channels": Choice((4, 8)),
        "width": Choice((24, 32, 48)),
        "kl_weight": Range(1e-5, 1e-2, log=True),
    }
    default_augmentations = ("flip",)
    needs_attributes = False
    takes_judge = True
    objective = "val_loss"
    evaluations = ("training.evaluation.test_pictures", "training.evaluation.latent_reconstructions")
    signatures = "export.signatures.latents"

    def import_model_class(self):
        return Autoencoder

    def describe_optimizer_options(self):
        return (loss_network_option("make reconstructions sharp; without it they are soft"),)

    def default_image_size(self, data_set):
        return data_set.image_shape[0] or 128

    def build_model(self, config, data_set):
        return Autoencoder(
            image_size=config.image_size,
            channels=data_set.image_shape[2],
            seed=config.seed,
            dtype=config.precision,
            **config.model_options,
        )

    def compile_model(self, model, config, num_steps=None, **kwargs):
        weights = choose_loss_network(config, is_trained=num_steps is not None, is_required=False)
        compare = PerceptualDistance(weights) if weights else None
        optimizer = FusedAdam(make_learning_rate(config, num_steps), global_clipnorm=MAX_GRADIENT_NORM)
        model.compile(optimizer=optimizer, compare=compare, **kwargs)

    def make_training_batches(self, config, data_set, first_step):
        batches = super().make_training_batches(config, data_set, first_step)
        return batches.map(lambda raw_images, _: raw_images)

    def make_evaluation_batches(self, config, data_set, split):
        batches = super().make_evaluation_batches(config, data_set, split)
        return batches.map(lambda raw_images, _: raw_images)

    def draw_samples(self, model, config, data_set):
        count = SAMPLE_ROWS * SAMPLE_COLUMNS
        photos = read_pictures(
            data_set, "validation", config.image_size, data_set.image_shape[2], count, config.seed
        ).raw_images
        drawn = pixels.from_model_range(model(photos), model.pixel_range).numpy()
        rows, labels = [], []
        for start in range(0, len(photos), SAMPLE_COLUMNS):
            for label, images in (("photo", photos), ("reconstruction", drawn)):
                rows.append(list(images[start : start + SAMPLE_COLUMNS]))
                labels.append(label)
        return PictureSheet(rows=rows, row_labels=labels, note=rendered_note(data_set))

    def make_answer(self, model):
        def make_pictures(batch_size):
            return (blank_pictures(model, batch_size),)

        return TimedAnswer(
            lambda raw_images: pixels.from_model_range(model(raw_images), model.pixel_range),
            make_pictures,
            "encoding and decoding",
        )
