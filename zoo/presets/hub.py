"""Finds presets of the Hugging Face Hub in its cache, and downloads them only if that is allowed.

Needs the extra `hub`. A repository contains the two files that `save_to_preset` writes.
"""

import os
import re
from pathlib import Path

PREFIX = "hf://"
VARIABLE = "ZOO_ALLOW_DOWNLOAD"


def find_on_hub(reference: str, file_names: tuple[str, ...], allow_download: bool = False) -> Path:
    """Returns the local folder of a repository's files.

    No connection is opened if the files are in the cache.

    Args:
        reference: `hf://owner/name`, or `hf://owner/name@revision` with a branch, tag or commit.
        file_names: The required files.
        allow_download: Whether to download files missing from the cache, as `ZOO_ALLOW_DOWNLOAD=1` also
            allows.

    Raises:
        FileNotFoundError: A file is not in the cache, and downloads are not allowed.
        ImportError: The extra `hub` is not installed.
        OSError: The repository cannot be downloaded.
        ValueError: The reference does not have this form.
    """
    repository, revision = _parse(reference)
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ImportError(
            "The package huggingface_hub must be installed, because the preset is on the Hugging Face Hub. "
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
    except OSError:  # includes the hub's own errors
        directory = None
    if directory is not None and all((directory / name).is_file() for name in file_names):
        return directory
    if not allow_download and os.environ.get(VARIABLE) != "1":
        raise FileNotFoundError(
            "A preset must be in the cache of the Hugging Face Hub, because downloads are not allowed. "
            f"Received: {reference}, which is not. Allow them: from_preset(..., allow_download=True), or set "
            f"{VARIABLE}=1."
        )
    try:
        return fetch(local_files_only=False)
    except OSError as error:
        reason = str(error).rstrip(".")
        raise OSError(
            f"A preset's repository must be readable on the Hugging Face Hub. Received: {reference}, "
            f"whose download failed: {reason}. Check its name and revision, your connection, and, for a "
            "private one, that you are logged in: hf auth login."
        ) from error


def _parse(reference: str) -> tuple[str, str | None]:
    match = re.fullmatch(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", reference)
    if match is None:
        raise ValueError(
            "A preset of the Hugging Face Hub must be named hf://owner/name or hf://owner/name@revision. "
            f"Received: {reference!r}. Use e.g. hf://shop/upscaler."
        )
    return match[1], match[2]
