"""The base class of recipes whose models learn from patches of whole photos."""

import abc

from training.input.photo_patches import AUGMENTATIONS, photo_cache_choice
from training.recipes.base.recipe import Recipe


class PhotoPatchRecipe(Recipe):
    """Feeds a model with patches that `training.input.photo_patches.make_photo_patches` cuts.

    Attributes:
        patch_size: Default side of the patches in pixels.
    """

    patch_size: int
    augmentations = AUGMENTATIONS
    needs_attributes = False
    takes_patches = True
    scores_folders = True

    def default_image_size(self, data_set):
        return min(data_set.image_shape[0] or self.patch_size, self.patch_size)

    def choose_cache(self, config, data_set):
        return photo_cache_choice(data_set)

    def make_training_batches(self, config, data_set, first_step):
        return self.make_patches(
            config,
            data_set,
            "train",
            shuffle=True,
            repeat=True,
            first_step=first_step,
            augment=config.augment,
        )

    def make_evaluation_batches(self, config, data_set, split):
        return self.make_patches(config, data_set, split)

    @abc.abstractmethod
    def make_patches(self, config, data_set, split, **options):
        """Makes the model's batches; `options` are those of `make_photo_patches`."""
