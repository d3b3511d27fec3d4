"""`zoo serve compare`, which sends the same requests to two servers and shows where they differ."""

from itertools import groupby
from pathlib import Path

import click

from serving.client.access import access_options
from serving.client.address import GRPC, HTTP, ServerAddress
from serving.client.descriptions import SignatureDescription
from serving.wire.server_defaults import GRPC_PORT, REST_PORT
from zoo.cli import ZooCommand

# Limits on each printed difference, because a picture's bytes would fill the screen.
MAX_LINES, MAX_CHARACTERS = 8, 110
_GRPC_FORMS = "HOST:PORT or grpcs://HOST:PORT of gRPC"
_REST_FORMS = "http://HOST:PORT or https://HOST:PORT of REST"


@click.command(
    cls=ZooCommand,
    example="zoo serve compare --against localhost:9500 --against-rest http://localhost:9501 --model dcgan",
)
@click.option(
    "--server",
    metavar="HOST:PORT",
    default=f"localhost:{GRPC_PORT}",
    show_default=True,
    help="The first server's gRPC address.",
)
@click.option(
    "--rest",
    metavar="URL",
    default=f"http://localhost:{REST_PORT}",
    show_default=True,
    help="The first server's REST address.",
)
@click.option("--against", metavar="HOST:PORT", required=True, help="The second server's gRPC address.")
@click.option(
    "--against-rest",
    metavar="URL",
    help="The second server's REST address; without it, only gRPC is compared.",
)
@access_options
@click.option(
    "--model",
    "models",
    metavar="NAME",
    multiple=True,
    help="Compare this model, which both servers have; may be repeated.  [default: those of --models-dir]",
)
@click.option(
    "--models-dir",
    type=click.Path(path_type=Path),
    default=Path("models"),
    show_default=True,
    help="Directory whose models are compared unless --model names some.",
)
@click.option("--all", "shows_all", is_flag=True, help="Also list the requests with equal answers.")
@click.option("--dry-run", is_flag=True, help="List the requests, and send none.")
def command(server, rest, against, against_rest, access, models, models_dir, shows_all, dry_run):
    """Show where two servers answer the same requests differently.

    Compares, for example, an embedded server with a tensorflow_model_server that serves the same models. The
    exit code is 1 if any answer differs. For each model it derives hundreds of requests from the signatures,
    and many of them are wrong on purpose. Do not compare a server in use: such a request can take down the
    server of a model that was exported elsewhere. Those that a server may never answer come last.

    Encrypted addresses are grpcs://HOST:PORT and https://HOST:PORT. The certificates are used for all
    encrypted addresses, and the API key in ZOO_API_KEY, if set, is sent to both servers.
    """
    from serving.compare.comparison import AskedServer, make_requests

    if not against_rest:
        rest = None
    _check_addresses({"--server": server, "--against": against}, GRPC, _GRPC_FORMS)
    _check_addresses({"--rest": rest, "--against-rest": against_rest}, HTTP, _REST_FORMS)
    addresses = [address for address in (server, against, rest, against_rest) if address]
    access.check(*addresses)
    found = _signatures(addresses, models or _models_in(models_dir), access)
    requests = {
        name: make_requests(name, signatures, with_rest=bool(against_rest))
        for name, signatures in found.items()
    }
    if dry_run:
        for name, of_model in requests.items():
            for request in of_model:
                click.echo(f"{name}, {_protocol(request)}: {request.name}")
        return
    with AskedServer(server, rest, access) as one, AskedServer(against, against_rest, access) as other:
        # What may stop a server comes after all that can be compared before.
        num_different = sum(
            _compare(name, _of_danger(of_model, is_dangerous), one, other, shows_all)
            for is_dangerous in (False, True)
            for name, of_model in requests.items()
        )
    if num_different:
        num_requests = sum(map(len, requests.values()))
        raise click.ClickException(
            f"{num_different} of {num_requests} answers differ; they are listed above."
        )


def _of_danger(requests, is_dangerous: bool) -> list:
    return [request for request in requests if bool(request.danger) == is_dangerous]


def _compare(name, requests, one, other, shows_all) -> int:
    """Prints one model's comparisons and returns the number of different answers."""
    from serving.compare.comparison import DIFFERENT, compare

    num_different = 0
    comparisons = compare(requests, one, other)
    for protocol, of_protocol in groupby(comparisons, lambda item: _protocol(item.request)):
        verdicts = []
        for comparison in of_protocol:
            verdicts.append(comparison.verdict)
            if shows_all or comparison.verdict == DIFFERENT:
                _show(name, protocol, comparison)
        dangerous = ", dangerous" if comparison.request.danger else ""
        click.echo(_count(f"{name}, {protocol}{dangerous}", verdicts))
        num_different += verdicts.count(DIFFERENT)
    return num_different


def _check_addresses(by_option: dict[str, str | None], protocol: str, forms: str) -> None:
    for option, address in by_option.items():
        try:
            is_right = address is None or ServerAddress.parse(address).protocol == protocol
        except ValueError:
            is_right = False
        if not is_right:
            raise click.UsageError(f"{option} must be {forms}. Received: {address!r}.")


def _models_in(models_dir: Path) -> list[str]:
    from serving.launch.config_files import find_models

    if not models_dir.is_dir():
        raise click.UsageError(
            f"Name the models to compare: --model NAME, or --models-dir DIR. Received: {models_dir}, "
            "which does not exist."
        )
    return list(find_models(models_dir))


def _signatures(addresses: list[str], models, access) -> dict[str, dict[str, SignatureDescription]]:
    """Asks every address, so that an address without a server is an error instead of a different answer."""
    found: dict[str, dict[str, SignatureDescription]] = {}
    for address in addresses:
        with access.connect(address) as client:
            for name in models:
                found.setdefault(name, client.signatures(name))
    return found


def _protocol(request) -> str:
    return "REST" if hasattr(request, "path") else "gRPC"


def _show(model, protocol, comparison):
    statuses = {answer.status for answer in comparison.answers}
    status = f" ({statuses.pop()})" if len(statuses) == 1 else ""
    click.echo(f"{comparison.verdict:<10}{model}, {protocol}: {comparison.request.name}{status}")
    if comparison.verdict != "different":
        return
    if comparison.request.danger:
        click.echo(f"    Dangerous: {comparison.request.danger}.")
    lines = comparison.difference()
    for line in lines[:MAX_LINES]:
        click.echo(f"    {line[:MAX_CHARACTERS]}{'...' if len(line) > MAX_CHARACTERS else ''}")
    if len(lines) > MAX_LINES:
        click.echo(f"    and {len(lines) - MAX_LINES} more lines")


def _count(group, verdicts) -> str:
    counts = {verdict: verdicts.count(verdict) for verdict in ("equal", "order", "different")}
    shown = ", ".join(
        f"{count} {'equal except for member order' if verdict == 'order' else verdict}"
        for verdict, count in counts.items()
        if count or verdict != "order"
    )
    return f"{group}: {len(verdicts)} requests, {shown}"
