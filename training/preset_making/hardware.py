"""Describes the hardware of a training in words."""

import platform
from pathlib import Path

from zoo.command_line.processors import usable_processors

CPU_INFO = Path("/proc/cpuinfo")


def describe_hardware() -> str:
    """Describes the processor, the number of its usable cores, and the GPUs."""
    import tensorflow as tf

    num_cores = usable_processors()
    cores = f"{num_cores} core{'' if num_cores == 1 else 's'} of {_processor_name()}"
    devices = tf.config.list_physical_devices("GPU")
    names = [
        tf.config.experimental.get_device_details(device).get("device_name", "GPU") for device in devices
    ]
    return ", ".join([cores, *names])


def _processor_name() -> str:
    if CPU_INFO.is_file():
        for line in CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
