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


def prefers_bfloat16(device: str) -> bool:
    """Whether a device ("cpu", "cuda") is faster in bfloat16 than in float32.

    Never measured, since a network is filed under its precision and two programs must come to the same answer. With
    AVX-512 alone AMD's processors do twice the products in bfloat16; Intel's do no more of them, and took half as long
    again for these networks, but have AMX for it, where it is not switched off.
    """
    import torch  # here, as above

    if device == "cuda":
        return not torch.cuda.is_available() or torch.cuda.is_bf16_supported()  # a cluster's GPUs are taken to be new
    fast = torch.cpu._is_avx512_bf16_supported() and "AMD" in hardware(device)
    return fast or torch.cpu._is_amx_tile_supported()
