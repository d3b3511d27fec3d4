"""Chooses a training's dtype policy, and whether XLA compiles its steps.

Sources:
    [Mixed] Micikevicius et al. 2017, arXiv 1710.03740: mixed precision training.
"""

from pathlib import Path

from zoo.errors import UnknownNameError

PRECISIONS = ("auto", "float32", "mixed_float16", "mixed_bfloat16")
BFLOAT16_CPU_FLAGS = ("amx_bf16", "avx512_bf16")
TENSOR_CORES_SINCE = (7, 0)
JIT_CHOICES = ("auto", "on", "off")


def resolve_precision(precision: str) -> tuple[str, str]:
    """Resolves `"auto"` to the dtype policy that suits the machine.

    Args:
        precision: One of `PRECISIONS`.

    Returns:
        The name of a Keras dtype policy, and the reason for it in a few words.

    Raises:
        UnknownNameError: `precision` is none of `PRECISIONS`.

    Example:

    >>> resolve_precision("float32")
    ('float32', 'requested')
    """
    if precision not in PRECISIONS:
        raise UnknownNameError("precision", precision, PRECISIONS)
    if precision != "auto":
        return precision, "requested"
    gpu_capabilities = _gpu_capabilities()
    if gpu_capabilities:
        if min(gpu_capabilities) >= TENSOR_CORES_SINCE:
            return "mixed_float16", "the GPU has tensor cores"
        return "float32", "the GPU has no tensor cores"
    flags = _cpu_flags()
    for flag in BFLOAT16_CPU_FLAGS:
        if flag in flags:
            return "mixed_bfloat16", f"the CPU has {flag}"
    return "float32", "there is neither a GPU nor a CPU with bfloat16 instructions"


def resolve_jit(jit: str, is_distributed: bool = False) -> bool | str:
    """Resolves `--jit` to the `jit_compile` argument of `keras.Model.compile`.

    Args:
        jit: One of `JIT_CHOICES`. `"auto"` leaves the choice to Keras on a GPU. It means off on CPUs, where
            XLA made these convolutions up to 4.5 times slower, and with several replicas, which exchange
            tensors within a step.
        is_distributed: Whether the model is trained on several replicas.

    Raises:
        UnknownNameError: `jit` is none of `JIT_CHOICES`.

    Example:

    >>> resolve_jit("off")
    False
    """
    if jit not in JIT_CHOICES:
        raise UnknownNameError("choice of --jit", jit, JIT_CHOICES)
    if jit == "auto":
        return "auto" if _gpu_capabilities() and not is_distributed else False
    return jit == "on"


def _gpu_capabilities() -> list[tuple[int, int]]:
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(device) for device in devices]
    return [detail.get("compute_capability", (0, 0)) for detail in details]


def _cpu_flags() -> set[str]:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return set()
    for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("flags"):
            return set(line.split(":", 1)[1].split())
    return set()
