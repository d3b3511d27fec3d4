"""`zoo serve --write-deploy`."""

import pytest
from click.testing import CliRunner
from deployed_files import deployment

from serving.serve_command import command
from zoo.errors import WrongUsageError


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "cpus=2",
            "Unknown setting. Received: 'cpus'. Known: gateway_port, serving_host, secrets_dir, num_cpus,",
        ),
        ("num_cpus=two", "`num_cpus` must be a whole number. Received: 'num_cpus=two'."),
        ("num_cpus=0", "`num_cpus` must be at least 1. Received: num_cpus=0."),
        ("secrets_dir=a b", "`secrets_dir` must consist of letters, digits, `.`, `_`"),
        ("port=9000", "Unknown setting. Received: 'port'."),
    ],
)
def test_settings_that_cannot_be(tmp_path, setting, message):
    words = ["--models-dir", str(deployment().models_dir), "--write-deploy", str(tmp_path), "--set", setting]
    failed = CliRunner().invoke(command, words)
    assert isinstance(failed.exception, WrongUsageError)
    assert str(failed.exception).startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_command_writes_and_says_what_next(tmp_path):
    words = ["--models-dir", deployment().models_dir, "--write-deploy", tmp_path / "deploy"]
    words = [*map(str, words)]
    would = CliRunner().invoke(command, [*words, "--dry-run"])
    assert would.exit_code == 0
    assert f"Would write {tmp_path}/deploy/compose/docker-compose.yaml\n" in would.output
    assert not (tmp_path / "deploy").exists()
    done = CliRunner().invoke(
        command, [*words, "--port", "9500", "--set", "num_cpus=2", "--set", "burst_requests=7"]
    )
    assert done.exit_code == 0, done.output
    written = [path for path in (tmp_path / "deploy").rglob("*") if path.is_file()]
    assert done.output.startswith(f"Wrote {len(written)} files into {tmp_path}/deploy. ")
    assert len(written) == would.output.count("Would write")
    assert "- --port=9500\n" in (tmp_path / "deploy" / "compose" / "docker-compose.yaml").read_text()
    assert "burst=7 nodelay" in (tmp_path / "deploy" / "gateway" / "nginx.conf").read_text()
    assert (
        "--set changes the files of --write-deploy. Received: no --write-deploy."
        in CliRunner().invoke(command, ["--set", "num_cpus=2"]).output
    )
    missing = CliRunner().invoke(command, ["--models-dir", str(tmp_path / "no"), *words[2:]])
    assert isinstance(missing.exception, FileNotFoundError)
