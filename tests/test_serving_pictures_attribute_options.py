"""Options whose names only the model knows: parsing, and checking against a source."""

import click
import numpy as np
import pytest
from click.testing import CliRunner

from serving.client.errors import RowError
from serving.pictures.attribute_options import (
    AttributeCommand,
    attribute_inputs,
    given_values,
    raise_if_unknown_value,
)
from zoo.errors import UnknownNameError


class Model:
    """A source whose model knows two attributes."""

    def input_names(self, signature_name):
        assert signature_name == "edit_png"
        return ["image_bytes", "category", "target_category"]


@click.command(cls=AttributeCommand, example="zoo act --category bag")
@click.argument("photos", nargs=-1)
@click.option("--count", "-n", type=int, default=1)
@click.option("--dry-run", is_flag=True)
def command(photos, count, dry_run):
    """Act."""
    inputs = attribute_inputs(Model(), "edit_png", 2, ["image_bytes"])
    values = {name: array.tolist() for name, array in inputs.items()}
    assert {array.dtype for array in inputs.values()} == {np.dtype(object)}
    click.echo(repr((photos, count, dry_run, values["category"], values["target_category"])))


def call(*arguments):
    return CliRunner().invoke(command, arguments, standalone_mode=False)


@pytest.mark.parametrize(
    ("arguments", "photos", "count", "dry_run", "category", "target"),
    [
        ([], (), 1, False, "", ""),
        (["--category", "bag"], (), 1, False, "bag", ""),
        (["--category=bag"], (), 1, False, "bag", ""),
        (["--category="], (), 1, False, "", ""),
        (["--category", "a=b"], (), 1, False, "a=b", ""),
        (["--category=a=b"], (), 1, False, "a=b", ""),
        (["--category", "ankle boot"], (), 1, False, "ankle boot", ""),
        (["--category", "-3"], (), 1, False, "-3", ""),
        (["--category", "bag", "--category", "dress"], (), 1, False, "dress", ""),
        (["--target-category", "bag"], (), 1, False, "", "bag"),
        (["--target_category", "bag"], (), 1, False, "", "bag"),
        (["a.png", "--category", "bag", "b.png"], ("a.png", "b.png"), 1, False, "bag", ""),
        (["--count", "3", "--category", "bag"], (), 3, False, "bag", ""),
        (["--count=3", "--category", "bag", "--dry-run"], (), 3, True, "bag", ""),
        (["-n", "3", "a.png"], ("a.png",), 3, False, "", ""),
        (["--dry-run", "a.png", "--category", "bag"], ("a.png",), 1, True, "bag", ""),
        (["--debug", "--category", "bag"], (), 1, False, "bag", ""),
        (
            ["--category", "bag", "--", "--a.png", "--category"],
            ("--a.png", "--category"),
            1,
            False,
            "bag",
            "",
        ),
    ],
)
def test_attributes_stand_anywhere_among_the_commands_own_options(
    arguments, photos, count, dry_run, category, target
):
    result = call(*arguments)
    assert result.exception is None
    assert result.output == repr((photos, count, dry_run, [category] * 2, [target] * 2)) + "\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--category"], "Option --category needs a value."),
        (["a.png", "--size"], "Option --size needs a value."),
        (["--count"], "Option '--count' requires an argument."),
        (["--count", "many"], "'many' is not a valid integer."),
        (["-x"], "No such option '-x'"),
    ],
)
def test_what_cannot_be_parsed_is_wrong_usage(arguments, message):
    result = call(*arguments)
    assert isinstance(result.exception, click.UsageError)
    assert message in result.exception.format_message()


@pytest.mark.parametrize(
    ("arguments", "name"),
    [(["--size", "3"], "--size"), (["--image-bytes", "x"], "--image-bytes"), (["--no-such=1"], "--no-such")],
)
def test_option_that_neither_command_nor_model_knows_is_named_with_those_it_knows(arguments, name):
    result = call(*arguments)
    assert isinstance(result.exception, UnknownNameError)
    assert str(result.exception) == (
        f"Unknown option. Received: {name!r}. Known: --category, --target-category."
    )


def test_help_shows_the_commands_own_options_and_the_example():
    result = CliRunner().invoke(command, ["--help"])
    assert result.exit_code == 0
    assert "--count" in result.output
    assert result.output.endswith("  Example:\n    zoo act --category bag\n")


def test_given_values_are_read_without_asking_the_model():
    seen = []

    @click.command(cls=AttributeCommand, example="zoo act")
    def read():
        seen.extend(given_values())

    arguments = ["--category", "bag", "--season", "", "--colour", "red"]
    CliRunner().invoke(read, arguments, catch_exceptions=False)
    assert seen == ["bag", "red"]


def test_values_that_the_model_does_not_know_are_wrong_usage():
    message = "Unknown category. Received: 'x'. Known: bag, dress."
    error = RowError({3: "A PNG must be whole.", 5: message}, 8)
    with pytest.raises(click.UsageError) as raised:
        raise_if_unknown_value(error)
    assert raised.value.message == message
    assert raised.value.__cause__ is error
    assert raise_if_unknown_value(RowError({3: "A PNG must be whole."}, 8)) is None
