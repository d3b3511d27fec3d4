"""The option that says how much damage to remove from photos: a number, or `auto`."""

import click

AUTO = "auto"


def to_strength(context, parameter, text: str) -> float | None:
    """Returns the number from 0 to 1 that an option says, or None for `auto`.

    Raises:
        click.BadParameter: It is neither.
    """
    if text == AUTO:
        return None
    try:
        strength = float(text)
    except ValueError:
        strength = -1.0
    if not 0 <= strength <= 1:
        raise click.BadParameter(
            f"must be {AUTO}, or a number from 0 to 1. Received: {text!r}.", context, parameter
        )
    return strength
