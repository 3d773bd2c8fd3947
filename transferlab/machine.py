"""What a network is trained on."""

import os
import platform
from pathlib import Path


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hardware(device: str) -> str:
    """What the arithmetic ran on, such as "AMD EPYC (AVX512)" or "NVIDIA H200"."""
    import torch  # here, so that cores() can be asked without it

    if device == "cuda":
        return torch.cuda.get_device_name()
    linux = Path("/proc/cpuinfo")
    lines = linux.read_text(errors="replace").splitlines() if linux.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = [*names, platform.processor() or platform.machine()][0]
    return f"{name} ({torch.backends.cpu.get_cpu_capability()})"
