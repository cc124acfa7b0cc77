"""What the measurements were made on."""

import os
import platform
from pathlib import Path

import psutil


def describe() -> dict:
    """Processor, cores, memory, operating system and the load at this moment."""
    return {
        "processor": processor(),
        "cores": cores(),
        "memory_gb": psutil.virtual_memory().total / 1e9,
        "system": platform.platform(),
        "load": os.getloadavg()[0],
        "avx512": has_avx512(),
    }


def cores() -> int:
    """Logical processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """The processor's name."""
    names = _cpuinfo("model name")
    return names[0] if names else platform.processor() or platform.machine()


def has_avx512() -> bool:
    """Whether the processor has AVX-512, without which MindSpore's convolutions are not slow."""
    return any("avx512f" in flags.split() for flags in _cpuinfo("flags"))


def _cpuinfo(name: str) -> list[str]:
    """The values of a line in /proc/cpuinfo."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [value.strip() for key, _, value in (line.partition(":") for line in lines) if key.strip() == name]
