"""What a version takes and gives, and how a new version would differ from the newest one.

Imports no TensorFlow.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from export.versions.manifest import MANIFEST, read_manifest
from export.versions.version_dirs import find_versions, servable_versions


def describe_interface(model: Any, options: Sequence[str]) -> dict[str, Any]:
    """Returns what clients see of a model beside its signatures, ready for JSON.

    Args:
        model: A model of the zoo.
        options: Its options that clients see, as its recipe lists them (`visible_options`).

    Returns:
        Its attributes with their values, if it has any, and its options.
    """
    attributes = {name: list(values) for name, values in getattr(model, "attributes", {}).items()}
    found: dict[str, Any] = {"attributes": attributes} if attributes else {}
    return found | {name: getattr(model, name) for name in options}


def check_interface(model_dir: Path, signatures: Mapping[str, Any], interface: Mapping[str, Any]) -> None:
    """Refuses a new version that would break the clients of the newest one.

    Args:
        model_dir: `MODELS_DIR/<model_name>`, which need not exist.
        signatures: The new version's signatures, as `read_signatures` returns them.
        interface: What `describe_interface` returns.

    Raises:
        ValueError: It takes or gives something else than the newest version; the message names what.
    """
    newest = _newest_manifest(model_dir)
    if newest is None:
        return
    version, manifest = newest
    differences = _differences(
        manifest.get("signatures", {}), signatures, manifest.get("interface"), interface
    )
    if differences:
        raise ValueError(
            "A new version must take and give what the newest one does, because it replaces it for every "
            f"client. Received: for {model_dir.name}, other than version {version}: "
            f"{'; '.join(differences)}. Export it under another --model-name, or add --replace."
        )


def _newest_manifest(model_dir: Path) -> tuple[int, dict[str, Any]] | None:
    """Returns the newest version and its manifest; None if there is none, or one of another maker."""
    versions = servable_versions(model_dir)
    if not versions:
        return None
    directory = dict(find_versions(model_dir))[versions[-1]]
    if not (directory / MANIFEST).is_file():
        return None
    try:
        return versions[-1], read_manifest(directory)
    except ValueError:
        return None


def _differences(
    old_signatures: Mapping[str, Any],
    signatures: Mapping[str, Any],
    old_interface: Mapping[str, Any] | None,
    interface: Mapping[str, Any],
) -> list[str]:
    found = []
    for name in sorted({*old_signatures, *signatures}):
        if name not in signatures or name not in old_signatures:
            found.append(f"{name} is {'new' if name in signatures else 'missing'}")
            continue
        for side in ("inputs", "outputs"):
            before, after = old_signatures[name].get(side, {}), signatures[name].get(side, {})
            found += [
                f"{name}'s {side.removesuffix('s')} {alias} is {_describe(after.get(alias))}, not "
                f"{_describe(before.get(alias))}"
                for alias in sorted({*before, *after})
                if before.get(alias) != after.get(alias)
            ]
    if old_interface is not None:
        found += [
            f"{name} is {_describe(interface.get(name))}, not {_describe(old_interface.get(name))}"
            for name in sorted({*old_interface, *interface})
            if name != "attributes" and old_interface.get(name) != interface.get(name)
        ]
        found += _attribute_differences(old_interface.get("attributes", {}), interface.get("attributes", {}))
    return found


def _attribute_differences(before: Mapping[str, list], after: Mapping[str, list]) -> list[str]:
    found = []
    for name in sorted({*before, *after}):
        lost = [value for value in before.get(name, []) if value not in after.get(name, [])]
        added = [value for value in after.get(name, []) if value not in before.get(name, [])]
        parts = [f"without {', '.join(lost)}"] * bool(lost) + [f"with {', '.join(added)}"] * bool(added)
        if parts:
            found.append(f"{name} is {' and '.join(parts)}")
    return found


def _describe(value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, Mapping):
        return " ".join(str(part) for part in value.values())
    return str(value)
