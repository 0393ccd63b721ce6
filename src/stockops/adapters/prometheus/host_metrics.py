"""Gauges of the host, from psutil."""

from pathlib import Path

import psutil

from stockops.monitoring.catalogue import Sample

_MB = 2**20
_CPU_SECONDS = 0.1  # below this the kernel's clock is too coarse


def samples(folder: Path) -> list[Sample]:
    """Return CPU, memory and disk usage; takes a tenth of a second. folder: on the disk to measure.

    CPU is not measured since the last call: psutil tracks that per thread, and a server answers in a new one.
    """
    return [
        Sample("system_cpu_percent", {}, psutil.cpu_percent(interval=_CPU_SECONDS)),
        Sample("system_ram_used_mb", {}, psutil.virtual_memory().used / _MB),
        Sample("system_disk_used_mb", {}, psutil.disk_usage(str(_existing(folder))).used / _MB),
    ]


def _existing(folder: Path) -> Path:
    """Return the folder, or its nearest existing parent: the home may not exist yet."""
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
