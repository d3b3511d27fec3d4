"""Recipe of ECBSR."""

from training.recipes.base.search_space import Choice, Range
from training.recipes.base.super_resolution_recipe import SuperResolutionRecipe
from zoo.super_resolution.ecbsr import ECBSR


class ECBSRRecipe(SuperResolutionRecipe):
    """Trains `zoo.super_resolution.ecbsr.ECBSR`."""

    model_name = "ecbsr"
    epochs = 20
    batch_size = 16
    learning_rate = 1e-3
    schedule = "cosine"
    patch_size = 96
    search_space = {
        "learning_rate": Range(2e-4, 4e-3, log=True),
        "batch_size": Choice((8, 16, 32)),
        "depth": Choice((6, 10, 14)),
        "augment": Choice(("none", "flip,turn", "flip,turn,scale")),
    }

    def import_model_class(self):
        return ECBSR

    def to_answer(self, model):
        return model.merged()

    def to_train(self, model):
        return model.unmerged()
