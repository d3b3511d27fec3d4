"""Recipe of the recolouring model, whose mask is all that is learned."""

from training.recipes.cutout import CutoutRecipe
from zoo.recolour.recolour import Recolour


class RecolourRecipe(CutoutRecipe):
    """Trains `zoo.recolour.recolour.Recolour` as `Cutout` is trained."""

    model_name = "recolour"
    same_networks = ("cutout",)
    evaluations = ("training.evaluation.masks", "training.evaluation.recolourings")
    signatures = "export.signatures.recolouring"

    def import_model_class(self):
        return Recolour
