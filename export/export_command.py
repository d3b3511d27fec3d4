"""`zoo export RUN_OR_PRESET`, and its sub-commands `verify`, `promote` and `prune`."""

import click

from export import promote_command, prune_command, verify_command
from zoo.cli import ZooCommand
from zoo.command_line.output_path import OutputPath

# Repeated because `export/saved_model/variants.py`, which defines the variants, imports TensorFlow.
VARIANT_NAMES = ("original", "float16_weights", "mixed_bfloat16", "frozen")

_VERSION_COMMANDS = {
    "verify": verify_command.command,
    "promote": promote_command.command,
    "prune": prune_command.command,
}


class _ExportCommand(ZooCommand):
    """`zoo export`, whose first argument may also be a sub-command for published versions."""

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
@click.option(
    "--models-dir",
    type=OutputPath(is_directory=True),
    default="models",
    show_default=True,
    help="Directory of all models; the version becomes MODELS_DIR/MODEL_NAME/VERSION.",
)
@click.option(
    "--model-name",
    callback=_check_model_name,
    help="Name clients request the model by.  [default: dcgan, conditional_vae, srcnn_x2, classifier, ...]",
)
@click.option(
    "--version",
    type=click.IntRange(1),
    help="Version number.  [default: one above the highest existing version]",
)
@click.option(
    "--require",
    "requirements",
    multiple=True,
    metavar="'SCORE>=NUMBER'",
    callback=_to_requirements,
    help="Refuse to export a model whose measured score does not meet this limit (>=, >, <= or <). May be "
    "repeated.",
)
@click.option(
    "--isolate-rows",
    is_flag=True,
    help="Report a photo that only the decoder finds damaged in its row's `error` instead of failing the "
    "whole batch; this decodes every photo twice.",
)
@click.option(
    "--variant",
    type=click.Choice(VARIANT_NAMES),
    help="Publish a smaller or faster variant, measured beside the original.  "
    "[default: original, not measured]",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Publish a version that takes or gives something else than the newest one: other signatures, "
    "attributes or sizes.",
)
@click.option("--compare-variants", is_flag=True, help="Measure every variant and publish nothing.")
@click.option(
    "--tflite",
    type=OutputPath(is_directory=False),
    help="Write a TFLite file for apps instead of publishing a version (super-resolution only).",
)
@click.option("--tflite-float16", is_flag=True, help="Store the TFLite file's weights as float16.")
@click.option("--dry-run", is_flag=True, help="Print what would be exported, and write nothing.")
def command(run_or_preset, requirements, compare_variants, tflite, tflite_float16, dry_run, **options):
    """Export RUN_OR_PRESET as a SavedModel, check it against the Keras model and publish it whole.

    If a run directory has the name of a command below, write it as a path: ./verify.
    """
    _check_options(compare_variants, tflite, tflite_float16, options)
    from export.saved_model.quality_gate import check_requirements
    from training.trained_model import find_model

    source = find_model(run_or_preset)
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
            "--tflite-float16 needs --tflite, because it changes the TFLite file. Received: no --tflite. "
            "Name the file to write: --tflite FILE."
        )
    chosen = {"--tflite": tflite, "--compare-variants": compare_variants, "--variant": options["variant"]}
    named = [name for name, value in chosen.items() if value]
    if len(named) > 1:
        raise click.UsageError(
            "Only one of --tflite, --compare-variants and --variant can be given, because each writes "
            f"something else. Received: {' and '.join(named)}. Leave out all but one."
        )


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
        replaces=options["replace"],
    )
    if variant:
        click.echo(format_variants(read_manifest(version_dir)["options"]["measured"]))
    click.echo(f"Version: {version_dir}")
    click.echo(f"Serve it: zoo serve --models-dir {models_dir}")
