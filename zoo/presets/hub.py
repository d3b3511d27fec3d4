"""Presets from the Hugging Face Hub: found in its cache, downloaded only where that is allowed.

Needs the extra `hub`. A repository holds what `save_to_preset` wrote.
"""

import os
import re
from pathlib import Path

PREFIX = "hf://"
VARIABLE = "ZOO_ALLOW_DOWNLOAD"


def find_on_hub(reference: str, file_names: tuple[str, ...], allow_download: bool = False) -> Path:
    """Returns the folder of a repository's files.

    No connection is opened where the cache holds them.

    Args:
        reference: `hf://owner/name`, or `hf://owner/name@revision` with a branch, tag or commit.
        file_names: The files that are needed.
        allow_download: Whether to download what the cache lacks; so does `ZOO_ALLOW_DOWNLOAD=1`.

    Raises:
        FileNotFoundError: The cache lacks a file, and downloads are not allowed.
        ImportError: The extra `hub` is not installed.
        OSError: The repository cannot be downloaded.
        ValueError: The reference is none.
    """
    repository, revision = _parse(reference)
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ImportError(
            "A preset of the Hugging Face Hub needs the package huggingface_hub. "
            f"Received: {reference}. Install it: pip install 'product-image-zoo[hub]'."
        ) from error

    def fetch(local_files_only):
        return Path(
            snapshot_download(
                repository,
                revision=revision,
                allow_patterns=list(file_names),
                local_files_only=local_files_only,
            )
        )

    try:
        directory = fetch(local_files_only=True)
    except OSError:  # among them the hub's own errors
        directory = None
    if directory is not None and all((directory / name).is_file() for name in file_names):
        return directory
    if not allow_download and os.environ.get(VARIABLE) != "1":
        raise FileNotFoundError(
            f"A preset must be in the cache of the Hugging Face Hub, because nothing is downloaded unasked. "
            f"Received: {reference}, which is not. Allow it: from_preset(..., allow_download=True), or set "
            f"{VARIABLE}=1."
        )
    try:
        return fetch(local_files_only=False)
    except OSError as error:
        reason = str(error).rstrip(".")
        raise OSError(
            f"A preset must be a repository that the Hugging Face Hub lets you read. Received: {reference}, "
            f"whose download failed: {reason}. Check its name and revision, your connection, and, for a "
            "private one, that you are logged in: hf auth login."
        ) from error


def _parse(reference: str) -> tuple[str, str | None]:
    match = re.fullmatch(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", reference)
    if match is None:
        raise ValueError(
            "A preset of the Hugging Face Hub must be named hf://owner/name or hf://owner/name@revision. "
            f"Received: {reference!r}."
        )
    return match[1], match[2]
