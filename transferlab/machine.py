"""What a network is trained on."""

import os
import platform
from functools import cache
from pathlib import Path
from time import perf_counter


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


@cache
def prefers_bfloat16(device: str) -> bool:
    """Whether a device ("cpu", "cuda") multiplies faster in bfloat16 than in float32.

    A processor is asked by multiplying matrices for some hundredths of a second, since some have instructions for
    bfloat16 and are slower with them.
    """
    import torch  # here, as above

    if device == "cuda":
        return not torch.cuda.is_available() or torch.cuda.is_bf16_supported()  # a cluster's GPUs are taken to be new
    if not torch.cpu._is_avx512_bf16_supported():
        return False
    matrix = torch.ones(512, 512)
    operands, best = (matrix, matrix.bfloat16()), [float("inf")] * 2
    for _ in range(6):  # in turns; the first warms up, and the best of each counts, since others may use the machine
        for place, operand in enumerate(operands):
            started = perf_counter()
            operand @ operand
            best[place] = min(best[place], perf_counter() - started)
    return best[1] < best[0]
