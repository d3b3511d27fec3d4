"""Recipe of FSRCNN."""

from training.recipes.base.search_space import Choice, Range
from training.recipes.base.super_resolution_recipe import SuperResolutionRecipe
from zoo.super_resolution.fsrcnn import FSRCNN


class FSRCNNRecipe(SuperResolutionRecipe):
    """Trains `zoo.super_resolution.fsrcnn.FSRCNN`."""

    model_name = "fsrcnn"
    epochs = 20
    batch_size = 16
    learning_rate = 2e-3
    schedule = "cosine"
    patch_size = 72
    search_space = {
        "learning_rate": Range(2e-4, 1e-2, log=True),
        "schedule": Choice(("constant", "cosine")),
        "batch_size": Choice((8, 16, 32, 64)),
        "augment": Choice(("none", "flip,turn", "flip,turn,scale")),
    }

    def import_model_class(self):
        return FSRCNN
