"""The option `--size WxH` of commands that make pictures of any size."""

import re

import click


def size_option(help_text: str):
    """Returns the option, whose value is width and height in pixels, or None."""
    return click.option("--size", callback=_to_size, metavar="WxH", help=help_text)


def _to_size(context, parameter, text):
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text.strip().lower())
    if not match or "0" in (match[1].lstrip("0") or "0", match[2].lstrip("0") or "0"):
        raise click.BadParameter(
            f"A size must have the form WIDTHxHEIGHT, in pixels. Received: {text!r}. Use e.g. 2000x2000."
        )
    return int(match[1]), int(match[2])
