"""The machine that stockops runs on, as psutil sees it."""

from pathlib import Path

import psutil

from stockops.monitoring.catalogue import Sample

_MB = 2**20
_CPU_SECONDS = 0.1  # below that the kernel's clock is too coarse


def samples(folder: Path) -> list[Sample]:
    """Return processor, memory and disk; takes a tenth of a second. folder: on the disk that is asked about.

    Not the time since the last call: psutil keeps that for each thread, and a server answers in a new one.
    """
    return [
        Sample("system_cpu_percent", {}, psutil.cpu_percent(interval=_CPU_SECONDS)),
        Sample("system_ram_used_mb", {}, psutil.virtual_memory().used / _MB),
        Sample("system_disk_used_mb", {}, psutil.disk_usage(str(_existing(folder))).used / _MB),
    ]


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest above that exists: a home may not have been made yet."""
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
