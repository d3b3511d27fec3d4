"""`make demo`, which runs every stage on real photos with the commands that a user would type.

Trains three models, scores, exports and serves them together with presets for a shop's photos, sends requests
to each over gRPC and REST, and writes `demo/index.html`.
"""

import json
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import click

from serving.demo import shop_photos
from zoo.command_line.own_packages import python_command, python_environment
from zoo.command_line.quiet_import import import_tensorflow
from zoo.files.atomic_write import write_bytes, write_text

DEMO = Path("demo")
RUNS, MODELS = DEMO / "runs", DEMO / "models"
PORTS = {"port": 18500, "rest_api_port": 18501}
# The fewest pictures that a Frechet distance allows, and enough for means; all 10,000 take minutes.
NUM_SCORED_IMAGES = {"srcnn": 256, "conditional_vae": 2048, "dcgan": 2048}
# Judges models of Fashion-MNIST and is not trained in the demo; the conditional VAE judges drawings.
JUDGE = "classifier_fashion_mnist"
RENDERED_IMAGE_SIZE = 32
# Model, training options, and name for serving.
TRAININGS = (
    ("srcnn", ["--epochs", "2"], "srcnn_x2"),
    ("conditional_vae", ["--epochs", "4"], "conditional_vae"),
    ("dcgan", ["--epochs", "4"], "dcgan"),
)


class Stages:
    """Runs and times stages.

    Attributes:
        seconds: Stage name to its seconds, in order.
    """

    def __init__(self):
        self.seconds: dict[str, float] = {}

    def run(self, name: str, *command: str) -> None:
        """Prints and runs a `zoo` command; its output goes to the terminal.

        Raises:
            subprocess.CalledProcessError: The command failed.
        """
        click.secho(f"$ {shlex.join(('zoo', *command))}", bold=True)
        words, environment = [*python_command("zoo"), *command], python_environment()
        self.call(name, lambda: subprocess.run(words, env=environment, check=True))

    def call(self, name: str, function):
        """Times a function and returns its result."""
        start = time.perf_counter()
        result = function()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        return result


def main() -> None:
    """Runs the demo and writes `demo/index.html`."""
    import_tensorflow()
    if DEMO.exists():
        shutil.rmtree(DEMO)
    RUNS.mkdir(parents=True)
    stages = Stages()
    for preset in shop_photos.PRESETS:
        stages.run("export", "export", preset, "--models-dir", str(MODELS))
    dataset = prepare_data(stages)
    size = ["--image-size", str(RENDERED_IMAGE_SIZE)] if dataset == "rendered_catalog" else []
    for model, options, _ in TRAININGS:
        where = ["--dataset", dataset, "--runs-dir", str(RUNS), "--run-name", model]
        stages.run(f"train {model}", "train", model, *where, *options, *size)
    if dataset == "rendered_catalog":
        judges = {"dcgan": str(RUNS / "conditional_vae")}
    else:
        judges = {"dcgan": JUDGE, "conditional_vae": JUDGE}
    for model, _, _ in TRAININGS:
        judge = ["--judge", judges[model]] if model in judges else []
        stages.run(
            "evaluate", "evaluate", str(RUNS / model), "--samples", str(NUM_SCORED_IMAGES[model]), *judge
        )
        stages.run("export", "export", str(RUNS / model), "--models-dir", str(MODELS))
    sheets, largest_difference = stages.call("serve and ask", lambda: serve_and_ask(dataset))
    write_page(dataset, stages.seconds, sheets, largest_difference)
    print_hints()


def prepare_data(stages: Stages) -> str:
    """Prepares Fashion-MNIST, or the rendered catalogue if it is not available; returns the name."""
    from training.data.data_sets import find_prepared
    from training.data.preparation import default_data_dir

    def is_prepared(name):
        return find_prepared(name, default_data_dir()) is not None

    try:
        if not is_prepared("fashion_mnist"):
            stages.run("prepare data", "data", "build", "fashion_mnist")
    except subprocess.CalledProcessError:
        click.secho(
            "Real photos are not available (see the reason above). The demo continues with the rendered "
            "catalogue, whose images are drawn by code.",
            fg="red",
        )
        if not is_prepared("rendered_catalog"):
            stages.run("prepare data", "data", "build", "rendered_catalog")
        return "rendered_catalog"
    return "fashion_mnist"


def serve_and_ask(dataset: str):
    """Starts the best available engine and sends requests to every model over gRPC and REST.

    Returns:
        Sheets by caption, and the largest difference between server and this process in grey levels.
    """
    from serving.demo.answers import DemoAnswers
    from serving.launch.engine import RunningServer
    from training.data.data_sets import load_data_set

    data_set = load_data_set(dataset)
    sheets, differences = {}, []
    with RunningServer(MODELS, PORTS["port"], PORTS["rest_api_port"]) as server:
        click.echo(f"Engine: {server.engine.name} ({server.engine.reason})")
        server.wait_until_ready()
        sheets["Photos of a shop: on white, in four colours, and enlarged"] = shop_photos.ask_for_photos(
            server.grpc_address, server.rest_address, DEMO / "photos"
        )
        for model, _, model_name in TRAININGS:
            answers = DemoAnswers(
                RUNS / model, data_set, model_name, server.grpc_address, server.rest_address
            )
            if model == "srcnn":
                sheets["Enlarged: low-res, bicubic, SRCNN, original"] = answers.upscaled_sheet()
            elif model == "conditional_vae":
                sheets["Edited: real, and as every category"] = answers.edited_sheet()
            if model != "srcnn":
                sheets[f"Generated by {model}"] = answers.generated_sheet()
            differences.append(answers.largest_difference)
            click.echo(
                f"{model_name}: {answers.num_requests} responses, gRPC and REST identical, at most "
                f"{answers.largest_difference} grey levels from this process"
            )
    return sheets, max(differences)


def write_page(dataset: str, seconds: dict[str, float], sheets, largest_difference: int) -> None:
    """Writes `demo/index.html` and, beside it, each sheet as a PNG file."""
    from training.pages.html_page import HtmlPage

    page = HtmlPage("Product image zoo: the demo's pictures")
    if dataset == "rendered_catalog":
        page.add_text(
            "The models were trained on drawings, not photos, because Fashion-MNIST was not available.",
            is_warning=True,
        )
    page.add_text(
        "A running server made every picture below over gRPC and over REST. Both gave the same bytes. The "
        "first sheet shows presets on photos, which lie in demo/photos at their own size; the others show "
        f"models that this demo trained on {dataset}, at most {largest_difference} grey levels from them "
        "in process."
    )
    for number, (caption, sheet) in enumerate(sheets.items(), start=1):
        page.add_sheet(caption, sheet)
        write_bytes(DEMO / f"sheet-{number}.png", sheet.to_png())
    page.add_heading("Scores on the test split")
    page.add_table(["model", "score", "value", "unit"], _score_rows())
    page.add_heading("Time")
    total = sum(seconds.values())
    page.add_table(
        ["stage", "seconds"],
        [*([name, f"{value:.0f}"] for name, value in seconds.items()), ["total", f"{total:.0f}"]],
    )
    page.add_text(f"Largest process: {_largest_process_gib():.1f} GiB.")
    write_text(DEMO / "index.html", page.render())


def _score_rows() -> list[list[str]]:
    from zoo.presets.registry import score_value

    rows = []
    for model, _, _ in TRAININGS:
        scores = json.loads((RUNS / model / "evaluation.json").read_text(encoding="utf-8"))["scores"]
        rows += [[model, name, _format(score_value(score)), score["unit"]] for name, score in scores.items()]
    return rows


def _format(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _largest_process_gib() -> float:
    import resource  # not everywhere, and needed here alone

    largest = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return largest / 2**20


def print_hints() -> None:
    """Prints commands to try next."""
    click.secho(f"\nOpen {DEMO / 'index.html'}", bold=True)
    click.echo(f"Inspect the training: .venv/bin/tensorboard --logdir {RUNS}")
    click.echo(f"Start a server:       .venv/bin/zoo serve --models-dir {MODELS}")
    click.echo("Generate a sneaker:   .venv/bin/zoo generate --server localhost:8500 --category sneaker")


if __name__ == "__main__":
    main()
