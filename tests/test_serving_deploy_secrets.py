"""The script that makes the gateway's certificate and API keys."""

import re
import shlex
import subprocess

from running_gateway import secrets


def test_script_for_secrets_keeps_others_out_and_overwrites_nothing(tmp_path):
    directory = tmp_path / "secrets"
    made = secrets(directory, "certificate", "shop.example")
    assert "shop.example" in subprocess.run(
        shlex.split(f"openssl x509 -in {directory}/gateway/tls.crt -noout -ext subjectAltName"),
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert made.returncode == 0
    assert directory.stat().st_mode & 0o077 == 0
    again = secrets(directory, "certificate", "shop.example")
    assert again.returncode == 1
    assert "already exists" in again.stderr
    keys = [secrets(directory, "add", name).stdout.strip() for name in ("a.b", "axb", "a.b")]
    assert len({*keys}) == 3
    assert all(re.fullmatch(r"[0-9a-f]{64}", key) for key in keys)
    assert secrets(directory, "revoke", "a.b").returncode == 0
    left = (directory / "gateway" / "api_keys.map").read_text()
    assert [key in left for key in keys] == [False, True, False]
    for action, name in (("add", 'x" y; include /etc/passwd'), ("add", ""), ("remove", "shop")):
        assert secrets(directory, action, name).returncode == 2
    assert (directory / "gateway" / "api_keys.map").read_text() == left
