"""Recipe of SRCNN."""

from training.recipes.base.search_space import Choice, Range
from training.recipes.base.super_resolution_recipe import SuperResolutionRecipe
from zoo.step.adam import FrequencyAdam
from zoo.super_resolution.srcnn import SRCNN


class SRCNNRecipe(SuperResolutionRecipe):
    """Trains `zoo.super_resolution.srcnn.SRCNN`."""

    model_name = "srcnn"
    epochs = 20
    batch_size = 64
    learning_rate = 1e-3
    patch_size = 48
    # Its first kernels, 9 x 9 pixels large, are applied to the pixels themselves.
    optimizer_class = FrequencyAdam
    search_space = {
        "learning_rate": Range(1e-4, 1e-2, log=True),
        "schedule": Choice(("constant", "cosine")),
        "kernels": Choice(("9-1-5", "9-3-5", "9-5-5")),
        "is_residual": Choice((False, True)),
        "augment": Choice(("none", "flip,turn")),
    }

    def import_model_class(self):
        return SRCNN
