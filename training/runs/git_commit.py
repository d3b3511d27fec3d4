"""Finds the commit of the running code."""

import subprocess
from pathlib import Path


def git_commit() -> str | None:
    """Returns the commit of the checkout that this code runs from, or None outside a checkout.

    It ends in `-dirty` if there are uncommitted changes.
    """
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
