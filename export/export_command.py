"""`zoo export RUN_OR_PRESET`."""

from pathlib import Path

import click

from zoo.cli import ZooCommand


def _check_model_name(context, parameter, model_name):
    from export.publish import check_model_name

    if model_name is not None:
        try:
            check_model_name(model_name)
        except ValueError as error:
            raise click.UsageError(str(error), context) from error
    return model_name


@click.command(
    cls=ZooCommand, uses_tensorflow=True, example="zoo export runs/20260101-120000-dcgan-fashion_mnist"
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
    """Export RUN_OR_PRESET as a SavedModel: checked against the Keras model, then published whole."""
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
