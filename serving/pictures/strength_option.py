"""The option that says how much damage to remove from photos: a number, or a word."""

import click

AUTO, OFF = "auto", "off"


def to_strength(context, parameter, text: str) -> float | None:
    """Returns the number from 0 to 1 that an option says, or None for `auto`.

    Raises:
        click.BadParameter: It is neither.
    """
    return None if text == AUTO else _to_number(context, parameter, text, AUTO)


def to_strength_or_off(context, parameter, text: str) -> float | str | None:
    """Returns what `to_strength` does, or `OFF`.

    Raises:
        click.BadParameter: It is none of them.
    """
    if text in (AUTO, OFF):
        return OFF if text == OFF else None
    return _to_number(context, parameter, text, f"{AUTO}, {OFF}")


def _to_number(context, parameter, text: str, words: str) -> float:
    try:
        strength = float(text)
    except ValueError:
        strength = -1.0
    if not 0 <= strength <= 1:
        raise click.BadParameter(
            f"must be {words}, or a number from 0 to 1. Received: {text!r}.", context, parameter
        )
    return strength
