"""Batching settings: their short texts on the command line, and the `BatchingParameters` they stand for."""

import os
from dataclasses import dataclass

from serving.wire import messages
from serving.wire.server_defaults import BATCH_TIMEOUT_MICROS, MAX_BATCH_SIZE, MAX_ENQUEUED_BATCHES


@dataclass(frozen=True)
class Setting:
    """Batching parameters under TF Serving's names; a `max_batch_size` of 0 turns batching off.

    Example:

    >>> str(Setting.parse("32:2000:2:8,16,32")), str(Setting())
    ('32:2000:2:8,16,32', 'off')
    """

    max_batch_size: int = 0
    batch_timeout_micros: int = 0
    num_batch_threads: int = 1
    allowed_batch_sizes: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Setting":
        """Reads `off` or `ROWS:MICROSECONDS:THREADS`, with allowed batch sizes as an optional `:ROWS,ROWS`.

        Raises:
            ValueError: The text has another form.
        """
        if text == "off":
            return cls()
        try:
            size, micros, threads, *sizes = text.split(":")
            allowed = tuple(int(size) for size in sizes[0].split(",")) if sizes else ()
            setting = cls(int(size), int(micros), int(threads), allowed)
        except ValueError:
            setting = cls()
        is_valid = setting.max_batch_size > 0 <= setting.batch_timeout_micros
        if not is_valid or setting.num_batch_threads < 1 or allowed and allowed[-1] != setting.max_batch_size:
            raise ValueError(
                "A batching setting must be ROWS:MICROSECONDS:THREADS, optionally followed by allowed batch "
                f"sizes :ROWS,...,ROWS, the last equal to the first ROWS. Received: {text!r}. Write, e.g., "
                "32:2000:2."
            )
        return setting

    def __str__(self):
        if not self.max_batch_size:
            return "off"
        text = f"{self.max_batch_size}:{self.batch_timeout_micros}:{self.num_batch_threads}"
        return ":".join(
            [text, ",".join(map(str, self.allowed_batch_sizes))] if self.allowed_batch_sizes else [text]
        )

    def to_proto(self):
        """Returns `BatchingParameters`, an empty message for `off`."""
        config = messages.BatchingParameters()
        if self.max_batch_size:
            config.max_batch_size.value = self.max_batch_size
            config.batch_timeout_micros.value = self.batch_timeout_micros
            config.num_batch_threads.value = self.num_batch_threads
            config.max_enqueued_batches.value = MAX_ENQUEUED_BATCHES
            config.allowed_batch_sizes.extend(self.allowed_batch_sizes)
        return config


def default_settings(num_clients: int) -> list[Setting]:
    """Returns the settings worth measuring on this machine.

    Args:
        num_clients: Number of simultaneous clients; a batch as large as each thread's share of them fills
            without waiting.
    """
    threads = os.cpu_count() or 1
    share = max(num_clients // threads, 2)
    sizes = (*(2**power for power in range(share.bit_length()) if 2**power < share), share)
    return list(
        dict.fromkeys(
            [
                Setting(),
                Setting(MAX_BATCH_SIZE, 0, threads),
                Setting(MAX_BATCH_SIZE, BATCH_TIMEOUT_MICROS, threads),
                Setting(share, BATCH_TIMEOUT_MICROS, threads),
                Setting(share, 10_000, threads),
                Setting(share, 10_000, threads, sizes),
                Setting(max(num_clients, 2), 5000, 1),
            ]
        )
    )
