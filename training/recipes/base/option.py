"""A model's command-line options, derived from the signature and the docstring of its class."""

import inspect
import re
import typing
from collections.abc import Collection, Mapping
from typing import Annotated, Any, NamedTuple

import click

from zoo.command_line.numbers import Number
from zoo.errors import UnknownNameError


class Option(NamedTuple):
    """A hyperparameter that users can set on the command line.

    Args:
        name: Name of the argument, e.g. `"latent_dim"`.
        flag: Its flag, e.g. `"--latent-dim"` or `"--residual/--no-residual"`.
        type: The click type of its values.
        default: Its default.
        help: One or two sentences.
    """

    name: str
    flag: str
    type: Any
    default: Any
    help: str

    def to_click(self) -> click.Option:
        """Returns the click option; its value is None unless the user sets it."""
        text = f"{self.help}  [default: {_describe(self.default, self.flag)}]"
        return click.Option([self.flag, self.name], type=self.type, default=None, help=text)


def options_of(
    model_class: type[Any],
    fixed: Collection[str],
    words: Mapping[str, tuple[str, str]],
    flags: Mapping[str, str],
) -> tuple[Option, ...]:
    """Derives options from the signature of a class.

    Args:
        model_class: Class whose `__init__` declares hyperparameters with types and defaults, and whose
            docstring describes them under "Args:".
        fixed: Arguments that users cannot set.
        words: Default and help, by argument, of options that take words in place of the argument's values.
        flags: Flags, by argument, that differ from the argument's name.

    Returns:
        The options in the order of the signature.

    Raises:
        TypeError: An argument has no default, or its type has no counterpart on the command line.
    """
    hints = typing.get_type_hints(model_class.__init__, include_extras=True)
    descriptions = describe_arguments(inspect.getdoc(model_class) or "")
    options = []
    for name, parameter in inspect.signature(model_class.__init__).parameters.items():
        if name == "self" or name in fixed or parameter.kind is parameter.VAR_KEYWORD:
            continue
        if name in words:
            options.append(Option(name, flags.get(name) or _to_flag(name, str), str, *words[name]))
            continue
        if parameter.default is parameter.empty or name not in hints:
            raise TypeError(
                f"An option must have a type and a default in the signature of its class. "
                f"Received: {model_class.__name__}({name})."
            )
        kind = to_click_type(hints[name], f"{model_class.__name__}({name})")
        flag = flags.get(name) or _to_flag(name, kind)
        options.append(Option(name, flag, kind, parameter.default, descriptions.get(name, "")))
    return tuple(options)


def to_click_type(hint: Any, what: str) -> Any:
    """Converts a type hint to a click type: `bool`, `str`, `int` or `float`, with or without limits.

    Args:
        hint: The type, e.g. `Annotated[int, Ge(1)]`.
        what: Name of the argument for the error message.

    Raises:
        TypeError: The type has no counterpart on the command line.

    Example:

    >>> from zoo.hyperparameters import Weight
    >>> limits = to_click_type(Weight, "weight")
    >>> limits.name, limits.min, limits.max
    ('float range', 0, None)
    """
    base: Any = hint
    limits: dict[str, Any] = {}
    if typing.get_origin(hint) is Annotated:
        base, *notes = typing.get_args(hint)
        for note in notes:
            limits |= {name: getattr(note, name) for name in ("ge", "gt", "le", "lt") if hasattr(note, name)}
    limits = {name: limit for name, limit in limits.items() if limit is not None}
    if base in (bool, str) and not limits:
        return base
    if base in (int, float):
        if not limits:
            return base
        kind = click.IntRange if base is int else Number
        return kind(
            min=limits.get("ge", limits.get("gt")),
            max=limits.get("le", limits.get("lt")),
            min_open="gt" in limits,
            max_open="lt" in limits,
        )
    raise TypeError(
        f"An option must be a bool, str, int or float, possibly with limits from annotated_types. Received: "
        f"{what} of type {hint!r}. List it in the recipe's `option_words` or `fixed_arguments`."
    )


def describe_arguments(docstring: str) -> dict[str, str]:
    """Extracts the description of each argument from a docstring's "Args:" section.

    Example:

    >>> describe_arguments("Adds.\\n\\nArgs:\\n    one: The one\\n        number.\\n    two: The other.")
    {'one': 'The one number.', 'two': 'The other.'}
    """
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", docstring, re.MULTILINE | re.DOTALL)
    found = re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", section[1] if section else "", re.MULTILINE)
    return {name: _plain(text) for name, text in found}


def check_option_names(model: str, names: Collection[str], known: Collection[str]) -> None:
    """Raises `UnknownNameError` unless the model has all of these options."""
    for name in names:
        if name not in known:
            raise UnknownNameError(f"option of {model}", name, known)


def _plain(text: str) -> str:
    """Prepares a docstring's text for a terminal: one line without quotation marks and source tags."""
    text = re.sub(r"[`\"]", "", " ".join(text.split()))
    return re.sub(r" ?\(?\[[A-Za-z][\w-]*\](?: (?:section|eq\.|appendix) [\w.]*\w)?\)?", "", text).strip()


def _to_flag(name: str, kind: Any) -> str:
    words = name.removeprefix("is_").replace("_", "-")
    return f"--{words}/--no-{words}" if kind is bool else f"--{words}"


def _describe(default: Any, flag: str) -> str:
    if isinstance(default, bool):
        return flag.split("/")[0 if default else 1].removeprefix("--")
    return str(default)
