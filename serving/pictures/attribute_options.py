"""Command-line options named after a model's attributes: `--category sneaker --target-category sandal`."""

from collections.abc import Mapping, Sequence

import click

from serving.pictures.source import PictureSource
from zoo.cli import ZooCommand
from zoo.errors import UnknownNameError

_META_KEY = "zoo.attributes.vocabulary"


class AttributeCommand(ZooCommand):
    """A command that accepts any `--NAME VALUE` besides its own options; `attribute_inputs` checks them."""

    def parse_args(self, context, arguments):
        own = {flag for option in self.get_params(context) for flag in option.opts + option.secondary_opts}
        kept, attributes = [], {}
        words = iter(arguments)
        for word in words:
            flag, separator, value = word.partition("=")
            if word == "--":
                kept += [word, *words]
            elif not flag.startswith("--") or flag in own or flag == "--help":
                kept.append(word)
                if flag in own and not separator and not _is_flag(self, context, flag):
                    kept += list(_take_one(words))
            else:
                following = [value] if separator else list(_take_one(words))
                if not following:
                    raise click.UsageError(f"Option {flag} needs a value.", context)
                attributes[flag[2:].replace("-", "_")] = following[0]
        context.meta[_META_KEY] = attributes
        return super().parse_args(context, kept)


def _take_one(words):
    for word in words:
        yield word
        return


def _is_flag(command, context, flag: str) -> bool:
    return any(
        flag in option.opts and getattr(option, "is_flag", False) for option in command.get_params(context)
    )


def attribute_inputs(source: PictureSource, signature_name: str, num_rows: int, other_inputs: Sequence[str]):
    """Turns the command line's attributes into a signature's inputs.

    Args:
        source: The model, which knows its attributes.
        signature_name: The signature to be called.
        num_rows: Length of the inputs.
        other_inputs: The signature's inputs that are not attributes.

    Returns:
        For each attribute an object array `[num_rows]`, `""` where the command line names no value.

    Raises:
        UnknownNameError: The command line names an attribute, or an option, that does not exist.
    """
    import numpy as np

    given: Mapping[str, str] = click.get_current_context().meta[_META_KEY]
    known = [name for name in source.input_names(signature_name) if name not in other_inputs]
    for name in given:
        if name not in known:
            raise UnknownNameError("option", _flag(name), [_flag(known_name) for known_name in known])
    return {name: np.array([given.get(name, "")] * num_rows, dtype=object) for name in known}


def check_wanted(attributes: Mapping[str, Sequence[str]]) -> None:
    """Checks that the command line names at least one attribute to change.

    Args:
        attributes: Inputs of `edit_png`, as `attribute_inputs` returns them.

    Raises:
        click.UsageError: No target attribute has a value.
    """
    wanted = [name for name in attributes if name.startswith("target_")]
    if not any(attributes[name][0] for name in wanted):
        known = ", ".join(map(_flag, wanted)) or "none"
        raise click.UsageError(f"Name what to change by at least one of: {known}. Received: none of them.")


def given_values() -> list[str]:
    """Returns the attribute values on the command line, in its order, without empty ones."""
    return [value for value in click.get_current_context().meta[_META_KEY].values() if value]


def raise_if_unknown_value(error) -> None:
    """Raises `click.UsageError` if a `RowError` rejects an attribute value of the command line."""
    for message in error.errors.values():
        if message.startswith("Unknown "):
            raise click.UsageError(message) from error


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
