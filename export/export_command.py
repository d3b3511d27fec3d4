"""`zoo export RUN_OR_PRESET`, and the way to its sub-commands."""

from pathlib import Path

import click

from export import promote_command, prune_command, verify_command
from zoo.cli import ZooCommand

_VERSION_COMMANDS = {
    "verify": verify_command.command,
    "promote": promote_command.command,
    "prune": prune_command.command,
}


class _ExportCommand(ZooCommand):
    """`zoo export`, whose first word may also name a command that looks after published versions."""

    def make_context(self, info_name, args, parent=None, **extra):
        if args and args[0] in _VERSION_COMMANDS:
            return _VERSION_COMMANDS[args[0]].make_context(
                f"{info_name} {args[0]}", args[1:], parent=parent, **extra
            )
        return super().make_context(info_name, args, parent=parent, **extra)

    def format_options(self, context, formatter):
        super().format_options(context, formatter)
        with formatter.section("Commands for published versions"):
            formatter.write_dl(
                [(name, command.get_short_help_str(limit=100)) for name, command in _VERSION_COMMANDS.items()]
            )


def _check_model_name(context, parameter, model_name):
    from export.publish import check_model_name

    if model_name is not None:
        try:
            check_model_name(model_name)
        except ValueError as error:
            raise click.UsageError(str(error), context) from error
    return model_name


@click.command(
    cls=_ExportCommand, uses_tensorflow=True, example="zoo export runs/20260101-120000-dcgan-fashion_mnist"
)
@click.argument("run_or_preset")
@click.option("--models-dir", type=click.Path(path_type=Path), default="models", show_default=True)
@click.option(
    "--model-name",
    callback=_check_model_name,
    help="Name to serve it by.  [default: dcgan, conditional_vae, srcnn_x2, classifier, ...]",
)
@click.option("--version", type=click.IntRange(1), help="Version number.  [default: next]")
@click.option("--dry-run", is_flag=True, help="Say what would be exported and write nothing.")
def command(run_or_preset, models_dir, model_name, version, dry_run):
    """Export RUN_OR_PRESET as a SavedModel: checked against the Keras model, then published whole.

    A run directory that is called like a command below is reached as ./verify.
    """
    if dry_run:
        from export.signatures import default_model_name, make_signatures
        from training.run_or_preset import load_run_or_preset

        model = load_run_or_preset(run_or_preset).model
        click.echo(f"Model name: {model_name or default_model_name(model)}")
        for signature in make_signatures(model):
            click.echo(f"{signature.name}: {', '.join(signature.inputs)}")
        return

    from export.exporter import export_run

    version_dir = export_run(run_or_preset, models_dir, model_name, version)
    click.echo(f"Version: {version_dir}")
    click.echo(f"Serve it: zoo serve --models-dir {models_dir}")
