"""The table of measured variants that `zoo export` prints."""

from collections.abc import Mapping
from typing import Any


def format_variants(
    measurements: Mapping[str, Mapping[str, Any]], problems: Mapping[str, str] | None = None
) -> str:
    """Returns a table, one variant a line.

    Args:
        measurements: By variant, as manifests hold them under `options`, `measured`.
        problems: What is wrong with variants that do not work, by variant.

    Example:

    >>> times = {"1": 9.0, "8": 8.5}
    >>> off = {"max_difference": 1.0, "mean_difference": 0.02, "unit": "grey levels"}
    >>> print(format_variants({"frozen": {"num_bytes": 1_500_000, "ms_per_image": times, **off}}))
    variant             MB  ms a picture, batch 1  batch 8  max off  mean off
    frozen            1.50                   9.00     8.50        1      0.02  grey levels
    """
    lines = ["variant             MB  ms a picture, batch 1  batch 8  max off  mean off"]
    for variant, measured in measurements.items():
        one, eight = measured["ms_per_image"]["1"], measured["ms_per_image"]["8"]
        lines.append(
            f"{variant:<15} {measured['num_bytes'] / 1e6:6.2f}  {one:21.2f}  {eight:7.2f}  "
            f"{measured['max_difference']:7.2g}  {measured['mean_difference']:8.2g}  {measured['unit']}"
        )
    lines += [f"{variant} does not work: {problem}" for variant, problem in (problems or {}).items()]
    return "\n".join(lines)
