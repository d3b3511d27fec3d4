"""Command-line parsing for commands whose options depend on their MODEL argument."""

import difflib
import json
from collections.abc import Sequence
from pathlib import Path

import click

from training.recipes.base.option import Option
from training.recipes.base.registry import RECIPES, find_recipe
from zoo.cli import ZooCommand
from zoo.command_line.quiet_import import import_tensorflow
from zoo.errors import UnknownNameError

_MODEL = "training.model"
# Options that refer to a run or a configuration, which in turn names the model.
_SOURCES = {"resume": "config.json", "config_file": ""}


class ModelCommand(ZooCommand):
    """A command with an argument `model` that accepts the options of the model's recipe besides its own.

    The model is read from the command line before it is parsed, or from the run or the configuration that it
    names. Without a model the help lists the command's own options, and TensorFlow is not imported.
    """

    def parse_args(self, context, args):
        context.meta[_MODEL] = self._find_model(context, list(args))
        try:
            return super().parse_args(context, args)
        except click.NoSuchOption as error:
            model = context.meta[_MODEL]
            if model is None:
                raise click.UsageError(
                    f"{error.option_name} needs a MODEL, because not every model has this option. "
                    f"Received: no MODEL. Name one of {', '.join(RECIPES)}."
                ) from error
            others = [flag for recipe in RECIPES.values() for flag in _flags(recipe.options)]
            if error.option_name not in others:
                raise
            known = [option.flag for option in find_recipe(model).options]
            raise UnknownNameError(f"option of {model}", error.option_name, known) from error

    def get_params(self, context):
        params = super().get_params(context)
        return [*params[:-1], *options_of_model(context.meta.get(_MODEL)), params[-1]]

    def format_options(self, context, formatter):
        super().format_options(context, formatter)
        model = context.meta.get(_MODEL)
        with formatter.section("Models"):
            if model is None:
                formatter.write_text(
                    f"{', '.join(RECIPES)}. `{context.command_path} MODEL --help` lists a model's options."
                )
                return
            recipe = find_recipe(model)
            formatter.write_text(f"Augmentations of {model}: {', '.join(recipe.augmentations)}.")
            if recipe.degradations:
                formatter.write_text(f"Degradations of its input: {', '.join(recipe.degradations)}.")

    def _find_model(self, context, args: list[str]) -> str | None:
        """Returns the model that the command line names, or None.

        Raises:
            UnknownNameError: It names a model that does not exist.
        """
        context.ignore_unknown_options, kept = True, context.ignore_unknown_options
        try:
            # The options of a model are unknown here; they stay among the remaining words.
            values, words, _ = super().make_parser(context).parse_args(args)
        except click.UsageError:
            return None  # reported when the command line is parsed with the model's options
        finally:
            context.ignore_unknown_options = kept
        words = [word for word in (values.get("model"), *words) if isinstance(word, str)]
        for word in words:
            if word in RECIPES:
                return word
        sources = [Path(values[name], file) for name, file in _SOURCES.items() if values.get(name)]
        for source in sources:
            return _model_of(source)
        if words and not words[0].startswith("-"):
            find_recipe(words[0])
        # The first word may be an option that is not known yet: look for a misspelt model among the others.
        for word in words:
            if difflib.get_close_matches(word, RECIPES):
                find_recipe(word)
        return None


def options_of_model(model: str | None) -> list[click.Option]:
    """Returns the click options of a model's recipe; an empty list without a model."""
    if model is None:
        return []
    import_tensorflow()
    return [option.to_click() for option in find_recipe(model).options]


def split_options(options: Sequence[Option], given: dict) -> tuple[dict, dict]:
    """Splits values into those of a model's options and all others, by name."""
    names = {option.name for option in options}
    own = {name: value for name, value in given.items() if name in names}
    return own, {name: value for name, value in given.items() if name not in names}


def _flags(options: Sequence[Option]) -> list[str]:
    return [flag for option in options for flag in option.flag.split("/")]


def _model_of(config: Path) -> str | None:
    try:
        model = json.loads(config.read_text(encoding="utf-8"))["model"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # reported by the code that uses the file
    return model if model in RECIPES else None
