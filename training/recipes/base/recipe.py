"""The base class of recipes: all that the rest of the project asks of a kind of model."""

import abc
import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import keras

from training.data.data_sets import DataSet
from training.input.augmentation import NAMES, check_augmentations
from training.pages.picture_sheet import PictureSheet
from training.recipes.base.option import Option, options_of
from training.recipes.base.search_space import SearchSpace
from training.runs.config import TrainingConfig
from zoo.errors import UnknownNameError, WrongUsageError


class TimedAnswer(NamedTuple):
    """The call that answers a request, for measuring what it costs.

    Args:
        call: Takes tensors and returns the answer.
        make_inputs: Returns its arguments for a batch size.
        description: What it does, e.g. `"generating"`.
    """

    call: Callable
    make_inputs: Callable[[int], tuple]
    description: str


class Recipe(abc.ABC):
    """Builds, feeds, compiles, shows and scores one model.

    Use it to make a new model trainable: write a subclass in `training/recipes/<model_name>.py`. Nothing
    else needs to name the model; `training/recipes/base/registry.py` finds the file.

    Attributes:
        model_name: What the model is called on the command line; the name of the recipe's file.
        epochs: Default number of epochs.
        batch_size: Default pictures per step.
        learning_rate: Default of every optimizer.
        optimizer_options: Options of the optimizers with their defaults; flags take their names.
        option_words: Default and help of options that take words which the recipe translates, by argument
            of the class.
        option_flags: Flags of options that are not the argument's name.
        fixed_arguments: Arguments of the class that the configuration or the data set decides.
        schedule: Default of how the learning rate changes.
        augmentations: Names of the random changes of training pictures that make sense for the model.
        default_augmentations: Those that are made when the user names none.
        degradations: Names of what may be done to low-res training pictures.
        needs_attributes: Whether it learns from pictures with attributes only.
        takes_patches: Whether it learns from patches, of which a picture has many.
        objective: The validation metric that says which epoch is the best one; None where none does.
        search_space: What `zoo tune` may change when the user does not say.
        part_groups: Names for several parts of the model together, for `--freeze`.
        is_generative: Whether it makes pictures of requested attributes, which a judge can look at. They are
            compared with real ones after every epoch: `val_kernel_distance`.
        is_judge: Whether it has `judge` and `extract_features`, and so can judge what others make.
        has_encoder: Whether it has `encode`, whose latents TensorBoard's projector shows.
        scores_folders: Whether it can be scored on a folder of pictures, which have no attributes.
        evaluations: Modules whose `make_stages(subject)` score it; see `training/evaluation/subject.py`.
        signatures: Module whose `make_signatures(model, isolates_rows)` says how it is served.
        converts_to_tflite: Whether it can be exported as a TFLite file that enlarges pictures.
    """

    model_name: ClassVar[str]
    epochs: ClassVar[int]
    batch_size: ClassVar[int]
    learning_rate: ClassVar[float]
    optimizer_options: ClassVar[dict[str, Any]] = {}
    option_words: ClassVar[Mapping[str, tuple[str, str]]] = {}
    option_flags: ClassVar[Mapping[str, str]] = {}
    fixed_arguments: ClassVar[Sequence[str]] = (
        "attributes",
        "image_size",
        "channels",
        "seed",
        "dtype",
        "name",
    )
    schedule: ClassVar[str] = "constant"
    augmentations: ClassVar[Sequence[str]] = NAMES
    default_augmentations: ClassVar[Sequence[str]] = ()
    degradations: ClassVar[Sequence[str]] = ()
    needs_attributes: ClassVar[bool] = True
    takes_patches: ClassVar[bool] = False
    objective: ClassVar[str | None] = None
    search_space: ClassVar[SearchSpace] = {}
    part_groups: ClassVar[Mapping[str, Sequence[str]]] = {}
    is_generative: ClassVar[bool] = False
    is_judge: ClassVar[bool] = False
    has_encoder: ClassVar[bool] = False
    scores_folders: ClassVar[bool] = False
    # Named as text, so that a recipe imports neither evaluation nor a layer to its right.
    evaluations: ClassVar[Sequence[str]] = ("training.evaluation.test_pictures",)
    signatures: ClassVar[str]
    converts_to_tflite: ClassVar[bool] = False

    @abc.abstractmethod
    def default_image_size(self, data_set: DataSet) -> int:
        """Returns the side in pixels that the model is trained at when the user names none."""

    def default_patches_per_image(self, data_set: DataSet) -> int:
        """Returns how many patches of each picture make an epoch when the user does not say."""
        return 1

    @abc.abstractmethod
    def import_model_class(self) -> type[keras.Model]:
        """Returns the class, registered with Keras, so that saved models of it can be loaded."""

    @functools.cached_property
    def options(self) -> tuple[Option, ...]:
        """The options of the model's class, and those of its optimizers."""
        of_class = options_of(
            self.import_model_class(), self.fixed_arguments, self.option_words, self.option_flags
        )
        return of_class + self.describe_optimizer_options()

    def describe_optimizer_options(self) -> tuple[Option, ...]:
        """Returns the options of the optimizers; needed where `optimizer_options` has any."""
        return ()

    @functools.cached_property
    def model_options(self) -> dict[str, Any]:
        """The options of the model's class, with their defaults."""
        return {
            option.name: option.default
            for option in self.options
            if option.name not in self.optimizer_options
        }

    @abc.abstractmethod
    def build_model(self, config: TrainingConfig, data_set: DataSet) -> keras.Model:
        """Returns a new model under the configuration's precision."""

    @abc.abstractmethod
    def compile_model(
        self, model: keras.Model, config: TrainingConfig, num_steps: int | None = None, **kwargs
    ) -> None:
        """Sets the optimizers for a training of `num_steps`, if any; `kwargs` go to `compile`."""

    @abc.abstractmethod
    def choose_cache(self, config: TrainingConfig, data_set: DataSet) -> str:
        """Returns where the training pictures are kept when the user does not say: by their size."""

    @abc.abstractmethod
    def make_training_batches(self, config: TrainingConfig, data_set: DataSet, first_step: int):
        """Returns the endless, shuffled batches of the training split, from `first_step` on."""

    @abc.abstractmethod
    def make_evaluation_batches(self, config: TrainingConfig, data_set: DataSet, split: str):
        """Returns the batches of a split in their fixed order."""

    @abc.abstractmethod
    def draw_samples(self, model: keras.Model, config: TrainingConfig, data_set: DataSet) -> PictureSheet:
        """Returns a sheet that is the same at every call but for what the model has learned."""

    def draw_traversals(self, model: keras.Model, config: TrainingConfig) -> PictureSheet | None:
        """Returns a sheet of what single latents change, or None where the model has no latents."""
        return None

    @abc.abstractmethod
    def make_answer(self, model: keras.Model) -> TimedAnswer:
        """Returns the call that answers a request, whose speed and memory `zoo evaluate` measures."""

    def served_name(self, model: keras.Model) -> str:
        """Returns the name that the model is served by unless the user chooses another."""
        return self.model_name

    def check_data_set(self, data_set: DataSet) -> None:
        """Raises `WrongUsageError` if the model cannot learn from a data set."""
        if self.needs_attributes and not data_set.attributes:
            raise WrongUsageError(
                f"{self.model_name} needs an attribute, because it learns what pictures of each value share. "
                f"Received: {data_set.name}, which has none. Build it with a --table, or train "
                "srcnn or fsrcnn."
            )

    def check_changes(self, config: TrainingConfig) -> None:
        """Checks that training pictures are to be changed and cut in ways that exist.

        Raises:
            UnknownNameError: There is no such augmentation or degradation.
            WrongUsageError: There are to be patches where whole pictures are trained on.
        """
        if config.patches_per_image > 1 and not self.takes_patches:
            raise WrongUsageError(
                f"{config.model} is trained on whole pictures. Received: "
                f"patches_per_image={config.patches_per_image}. Leave `--patches-per-image` out."
            )
        check_augmentations(config.augment, self.augmentations)
        for name in config.degrade:
            if name not in self.degradations:
                advice = "" if self.degradations else "Only models that enlarge pictures have low-res ones."
                raise UnknownNameError(f"degradation of {self.model_name}", name, self.degradations, advice)

    def score(self, model: keras.Model, config: TrainingConfig, data_set: DataSet) -> dict:
        """Returns the model's scores on the test split, by name; by default those of its `test_step`.

        Args:
            model: A loaded model; compiled here.
            config: Configuration of its run.
            data_set: Where the test split comes from.
        """
        self.compile_model(model, config, jit_compile=False)
        batches = self.make_evaluation_batches(config, data_set, "test")
        with warnings.catch_warnings():
            # Of batches as they should be here: they end.
            warnings.filterwarnings("ignore", message="Your input ran out of data")
            return model.evaluate(batches, verbose=0, return_dict=True)
