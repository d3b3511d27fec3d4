"""`zoo export RUN_OR_PRESET`, and the way to its sub-commands."""

import click

from export import promote_command, prune_command, verify_command
from zoo.cli import ZooCommand
from zoo.command_line.output_path import OutputPath

# `export/saved_model/variants.py` says what they are, and imports TensorFlow.
VARIANT_NAMES = ("original", "float16_weights", "mixed_bfloat16", "frozen")

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
    from export.versions.publish import check_model_name

    if model_name is not None:
        try:
            check_model_name(model_name)
        except ValueError as error:
            raise click.UsageError(str(error), context) from error
    return model_name


def _to_requirements(context, parameter, texts):
    from export.saved_model.quality_gate import parse_requirement

    return [parse_requirement(text) for text in texts]


@click.command(
    cls=_ExportCommand, uses_tensorflow=True, example="zoo export runs/20260101-120000-dcgan-fashion_mnist"
)
@click.argument("run_or_preset")
@click.option("--models-dir", type=OutputPath(is_directory=True), default="models", show_default=True)
@click.option(
    "--model-name",
    callback=_check_model_name,
    help="Name to serve it by.  [default: dcgan, conditional_vae, srcnn_x2, classifier, ...]",
)
@click.option("--version", type=click.IntRange(1), help="Version number.  [default: next]")
@click.option(
    "--require",
    "requirements",
    multiple=True,
    metavar="'SCORE>=NUMBER'",
    callback=_to_requirements,
    help="Refuse a model whose measured score is not so (>=, >, <= or <). Several go.",
)
@click.option(
    "--isolate-rows",
    is_flag=True,
    help="A picture that only its decoder finds damaged becomes its row's `error`; every picture is decoded "
    "twice then.",
)
@click.option(
    "--variant",
    type=click.Choice(VARIANT_NAMES),
    help="A smaller or faster model, measured beside the original.  [default: original, not measured]",
)
@click.option("--compare-variants", is_flag=True, help="Measure every variant and publish nothing.")
@click.option(
    "--tflite",
    type=OutputPath(is_directory=False),
    help="Write a TFLite file for apps instead of a version (SRCNN and FSRCNN).",
)
@click.option("--tflite-float16", is_flag=True, help="Store the weights of the TFLite file as float16.")
@click.option("--dry-run", is_flag=True, help="Say what would be exported and write nothing.")
def command(run_or_preset, requirements, compare_variants, tflite, tflite_float16, dry_run, **options):
    """Export RUN_OR_PRESET as a SavedModel: checked against the Keras model, then published whole.

    A run directory that is called like a command below is reached as ./verify.
    """
    _check_options(compare_variants, tflite, tflite_float16, options)
    from export.saved_model.quality_gate import check_requirements
    from training.trained_model import find_run_or_preset

    source = find_run_or_preset(run_or_preset)
    check_requirements(source, requirements)
    if dry_run:
        _describe(source.model, tflite, options)
    elif compare_variants:
        from export.saved_model.exporter import compare_variants
        from export.saved_model.variant_measurements import format_variants

        click.echo(format_variants(*compare_variants(run_or_preset, options["isolate_rows"])))
    elif tflite:
        from export.saved_model.tflite import write_tflite

        num_bytes = write_tflite(source.model, tflite, tflite_float16)
        click.echo(f"TFLite: {tflite}  {num_bytes / 1e6:.2f} MB")
    else:
        _publish(run_or_preset, requirements, options)


def _check_options(compare_variants, tflite, tflite_float16, options):
    if tflite_float16 and not tflite:
        raise click.UsageError(
            "--tflite-float16 needs --tflite. Received: no --tflite. Name the file to write."
        )
    chosen = {"--tflite": tflite, "--compare-variants": compare_variants, "--variant": options["variant"]}
    named = [name for name, value in chosen.items() if value]
    if len(named) > 1:
        raise click.UsageError(f"Only one of these can be asked for. Received: {' and '.join(named)}.")


def _describe(model, tflite, options):
    from export.signatures.of_models import default_model_name, make_signatures

    if tflite:
        from export.saved_model.tflite import check_upscaler

        check_upscaler(model)
        click.echo(f"TFLite: {tflite}")
        return
    click.echo(f"Model name: {options['model_name'] or default_model_name(model)}")
    for signature in make_signatures(model):
        click.echo(f"{signature.name}: {', '.join(signature.inputs)}")


def _publish(run_or_preset, requirements, options):
    from export.saved_model.exporter import export_run
    from export.saved_model.variant_measurements import format_variants
    from export.versions.manifest import read_manifest

    models_dir, variant = options["models_dir"], options["variant"]
    version_dir = export_run(
        run_or_preset,
        models_dir,
        options["model_name"],
        options["version"],
        requirements,
        isolates_rows=options["isolate_rows"],
        variant=variant,
    )
    if variant:
        click.echo(format_variants(read_manifest(version_dir)["options"]["measured"]))
    click.echo(f"Version: {version_dir}")
    click.echo(f"Serve it: zoo serve --models-dir {models_dir}")
