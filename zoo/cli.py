"""The command `zoo`: imports the module of the requested sub-command, and no other."""

import importlib
import sys
import traceback

import click

from zoo import __version__
from zoo.command_line.own_packages import check_not_shadowed
from zoo.command_line.quiet_import import import_tensorflow
from zoo.errors import UnknownNameError, WrongUsageError

# Each layer keeps its own commands. They are named here as text: no layer imports one to its right, and
# `zoo --help` loads none of the heavy libraries.
COMMANDS = {
    "data": "training.data_command",
    "train": "training.train_command",
    "tune": "training.tune_command",
    "evaluate": "training.evaluate_command",
    "export": "export.export_command",
    "serve": "serving.serve_command",
    "presets": "zoo.presets_command",
    "generate": "serving.generate_command",
    "edit": "serving.edit_command",
    "upscale": "serving.upscale_command",
    "clean": "serving.clean_command",
    "cutout": "serving.cutout_command",
    "recolour": "serving.recolour_command",
    "stylise": "serving.stylise_command",
    "stitch": "serving.stitch_command",
    "audit": "serving.audit_command",
}


class ZooCommand(click.Command):
    """A `click.Command` with `--debug` and, at the end of its help, a worked example.

    Args:
        name: The command's name.
        example: A working command line, shown under "Example:".
        uses_tensorflow: Whether every call needs TensorFlow, which is then imported first, without its log
            messages.
        **kwargs: As for `click.Command`.

    Example:

    ```python
    @click.command(cls=ZooCommand, example="zoo train dcgan --epochs 5")
    def command(): ...
    ```
    """

    def __init__(self, name: str | None, *, example: str, uses_tensorflow: bool = False, **kwargs):
        super().__init__(name, epilog=f"\b\nExample:\n  {example}", **kwargs)
        self.params.append(debug_option())
        self.uses_tensorflow = uses_tensorflow

    def invoke(self, context):
        if self.uses_tensorflow:
            import_tensorflow()
        return super().invoke(context)


def debug_option() -> click.Option:
    """Returns the flag `--debug`, which `main` looks up in the raw arguments."""
    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, help="Print the full traceback of an error."
    )


class _StageGroup(click.Group):
    """A group that imports a command when it is used."""

    def list_commands(self, context):
        return list(COMMANDS)

    def get_command(self, context, name):
        if name not in COMMANDS:
            return None
        return importlib.import_module(COMMANDS[name]).command

    def resolve_command(self, context, arguments):
        if arguments and arguments[0] not in COMMANDS and not arguments[0].startswith("-"):
            raise UnknownNameError("command", arguments[0], COMMANDS)
        return super().resolve_command(context, arguments)


@click.group(
    cls=_StageGroup,
    epilog="\b\nExample:\n  zoo train dcgan --epochs 5\n  zoo export runs/<run>\n  zoo serve",
    params=[debug_option()],
)
@click.version_option(__version__)
def command():
    """Train, evaluate, export and serve models that generate, edit and enlarge product pictures."""


def main(
    arguments: list[str] | None = None, command: click.Command = command, prog_name: str = "zoo"
) -> None:
    """Runs one command line and exits with 0 (done), 1 (failed), 2 (wrong usage) or the error's `exit_code`.

    Args:
        arguments: The words after `prog_name`; by default those of the process.
        command: The command to run; `zoo` by default.
        prog_name: The name it was called by.

    Raises:
        SystemExit: Always, with the exit code. An error is printed as one line on standard error.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        check_not_shadowed()
        command.main(args=arguments, prog_name=prog_name, standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(_report("Interrupted.", 1, arguments))
    except click.ClickException as error:
        sys.exit(_report(error.format_message(), error.exit_code, arguments))
    except WrongUsageError as error:
        sys.exit(_report(str(error), 2, arguments))
    except Exception as error:  # noqa: BLE001 - the last resort of a command line
        exit_code = getattr(error, "exit_code", 1)
        sys.exit(_report(str(error) or type(error).__name__, exit_code, arguments))
    sys.exit(0)


def _report(message: str, exit_code: int, arguments: list[str]) -> int:
    if "--debug" in arguments:
        traceback.print_exc()
    sys.stderr.write(f"zoo: error: {' '.join(message.split())}\n")
    return exit_code
