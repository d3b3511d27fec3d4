"""`zoo serve`, which serves a directory of models over gRPC and REST."""

import functools
import shlex
import sys
from pathlib import Path

import click

from serving import bench_command, compare_command
from serving.wire.server_defaults import ALL_ADDRESSES, GRPC_PORT, REST_PORT, THIS_MACHINE
from zoo.cli import debug_option
from zoo.errors import UnknownNameError

_EXAMPLES = (
    "zoo serve --models-dir models --port 8500 --rest-api-port 8501",
    "zoo serve compare --against localhost:9500 --model dcgan",
    "zoo serve bench --models-dir models",
)


class _ServeGroup(click.Group):
    """Serves when no sub-command is named, and answers an unknown one with the list of known ones."""

    def resolve_command(self, context, arguments):
        if arguments and arguments[0] not in self.commands and not arguments[0].startswith("-"):
            raise UnknownNameError("command of `zoo serve`", arguments[0], self.commands)
        return super().resolve_command(context, arguments)


@click.group(
    cls=_ServeGroup,
    invoke_without_command=True,
    epilog="\b\nExample:\n  " + "\n  ".join(_EXAMPLES),
    params=[debug_option()],
)
@click.option(
    "--models-dir",
    type=click.Path(path_type=Path),
    default=Path("models"),
    show_default=True,
    help="Directory of all models, with MODEL/VERSION directories as `zoo export` writes them.",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=GRPC_PORT, show_default=True, help="gRPC port."
)
@click.option(
    "--rest-api-port",
    type=click.IntRange(0, 65535),
    default=REST_PORT,
    show_default=True,
    help="REST port; 0 turns REST off.",
)
@click.option(
    "--engine",
    default="auto",
    show_default=True,
    help="Server to start: tensorflow_model_server, docker or embedded; auto uses the first that works.",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default=THIS_MACHINE,
    show_default=True,
    help=f"Address to listen on; {ALL_ADDRESSES} for every address of this machine.",
)
@click.option(
    "--allow-reload",
    is_flag=True,
    help="Let clients name other models to serve (HandleReloadConfigRequest): models are programs.",
)
@click.option(
    "--tensorflow-intra-op-parallelism",
    "intra_op_parallelism",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Threads per operation; 0 lets TensorFlow choose. `zoo serve bench` measures whether 1 is faster.",
)
@click.option(
    "--write-config",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write models.config, batching.config and monitoring.config into DIR, and exit.",
)
@click.option(
    "--write-deploy",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write docker compose, gateway, monitoring, Kubernetes and KServe files into DIR, and exit.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Change a setting of --write-deploy, e.g. requests_per_second=50; may be repeated. A wrong NAME "
    "lists all of them.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print the server's command line (CONFIG_DIR: a temporary directory), and exit.",
)
@click.pass_context
def command(
    context,
    models_dir,
    port,
    rest_api_port,
    engine,
    host,
    allow_reload,
    intra_op_parallelism,
    write_config,
    write_deploy,
    settings,
    dry_run,
):
    """Serve every model of a directory over gRPC and REST until Ctrl-C.

    Starts tensorflow_model_server if it is on PATH, otherwise TensorFlow Serving's image if docker runs, and
    otherwise the embedded server, which answers the same requests.
    """
    if context.invoked_subcommand:
        _check_no_option(context)
        return
    from serving.launch import engine as engines
    from serving.launch.config_files import find_models, find_passed_over

    if port == rest_api_port:
        raise click.UsageError(f"--port and --rest-api-port must differ. Received: {port} for both.")
    if write_deploy:
        if intra_op_parallelism:
            raise click.UsageError(
                "--write-deploy derives the threads from the number of CPUs. Received: "
                f"--tensorflow-intra-op-parallelism {intra_op_parallelism}. Leave it out, and state the "
                "CPUs: --set num_cpus=N."
            )
        _write_deploy(models_dir, port, rest_api_port, write_deploy, settings, dry_run)
        return
    if settings:
        raise click.UsageError(
            "--set changes the files of --write-deploy. Received: no --write-deploy. Give --write-deploy DIR "
            "too, or leave --set out."
        )
    chosen = engines.choose_engine(engine, host, allow_reload)
    models = find_models(models_dir)
    if write_config or dry_run:
        words = functools.partial(
            chosen.command,
            models_dir.resolve(),
            port=port,
            rest_api_port=rest_api_port,
            intra_op_parallelism=intra_op_parallelism,
        )
        _write_config(models_dir, write_config, dry_run, words)
        return
    click.echo(f"Engine: {chosen.name} ({chosen.reason})")
    names = ", ".join(f"{name} version {versions[-1]}" for name, versions in models.items())
    click.echo(f"Models: {names}")
    if chosen.warning:
        click.echo(f"Note: {chosen.warning}", err=True)
    for place, reason in find_passed_over(models_dir).items():
        click.echo(f"Passed over {models_dir / place}: {reason}", err=True)
    sys.stdout.flush()
    code = engines.serve(models_dir, port, rest_api_port, chosen, intra_op_parallelism)
    if code:
        raise click.ClickException(f"The server ended with exit code {code}; see its own messages above.")


def _check_no_option(context):
    for option in context.command.params:
        source = context.get_parameter_source(option.name)
        if option.expose_value and source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"Options before {context.invoked_subcommand!r} have no effect on it. "
                f"Received: {option.opts[0]}. Write options after the command's name."
            )


def _write_config(models_dir, directory, dry_run, command_of):
    """Writes the files, unless this is a dry run, and prints the server's command line."""
    from serving.launch.config_files import recorded_batching, write_config_files

    config_dir = directory.resolve() if directory else Path("CONFIG_DIR")
    if not dry_run:
        for path in write_config_files(models_dir, config_dir):
            click.echo(f"Wrote {path}")
        click.echo("Nothing was started. The server's command line:")
    with_batching = bool(recorded_batching(models_dir).ListFields())
    click.echo(shlex.join(command_of(config_dir=config_dir, with_batching=with_batching)))


def _write_deploy(models_dir, port, rest_api_port, directory, settings, dry_run):
    from serving.deploy.deployment import Deployment, parse_settings, write_deployment

    deployment = Deployment(models_dir.resolve(), port, rest_api_port, **parse_settings(settings))
    if dry_run:
        for path in deployment.files():
            click.echo(f"Would write {directory / path}")
        return
    paths = write_deployment(deployment, directory)
    click.echo(f"Wrote {len(paths)} files into {directory}. How to start them: {directory / 'README.md'}")


command.add_command(compare_command.command, "compare")
command.add_command(bench_command.command, "bench")
