"""What a benchmark ran on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine(*packages: str) -> dict[str, str]:
    """Processor, cores, memory, Python and the versions of ``packages``."""
    facts = {
        "processor": _line("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": str(os.cpu_count()),
        "memory": _line("/proc/meminfo", "MemTotal"),
        "python": platform.python_version(),
    }
    return facts | {name: version(name) for name in packages}


def _line(path: str, key: str) -> str:
    found = Path(path)
    if not found.exists():
        return ""
    return next((line.split(":", 1)[1].strip() for line in found.read_text().splitlines() if line.startswith(key)), "")
