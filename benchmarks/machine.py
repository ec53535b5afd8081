"""What a benchmark ran on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine(*packages: str) -> dict[str, str]:
    """Processor, cores at hand, load by others, memory, system, Python and the versions of ``packages``."""
    facts = {
        "processor": _line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": str(cores()),
        "load": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "",
        "memory": _line("/proc/meminfo", "MemTotal"),
        "system": platform.system(),
        "python": platform.python_version(),
    }
    return facts | {name: version(name) for name in packages}


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _line(path: str, key: str) -> str:
    found = Path(path)
    if not found.exists():
        return ""
    lines = found.read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")
