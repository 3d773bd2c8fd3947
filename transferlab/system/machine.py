"""What a network is trained on: cores, devices, threads."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_of_this_thread = local()
_free_streams: list["torch.cuda.Stream"] = []  # of threads that have ended


def cores() -> int:
    """The processor cores that this process may use: its affinity, and the quota of its container."""
    from dask.system import cpu_count  # here, since Dask takes a while to import

    return cpu_count()


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
        # a GPU that only emulates it, such as a T4, is slower in it; the GPUs of a cluster are taken to be new
        return not torch.cuda.is_available() or torch.cuda.is_bf16_supported(including_emulation=False)
    fast = torch.cpu._is_avx512_bf16_supported() and "AMD" in hardware(device)
    return fast or torch.cpu._is_amx_tile_supported()


def peak_megabytes() -> float:
    """The most memory that this process has held so far, in MB; NaN where the system does not say (Windows)."""
    try:
        from resource import RUSAGE_SELF, getrusage  # here, since Windows has none
    except ImportError:
        return float("nan")
    kept = getrusage(RUSAGE_SELF).ru_maxrss
    return kept / (1e6 if platform.system() == "Darwin" else 1e3)


@contextmanager
def one_thread(device: str = "cpu") -> Iterator[None]:
    """One thread of arithmetic on the CPU, so that a network is the same to the last bit, no matter who trains it.

    Networks are trained side by side in processes; threads inside one of them would only wait for each other.
    """
    import torch  # here, as above

    if device != "cpu":
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def own_stream() -> "torch.cuda.Stream":
    """The CUDA stream of this thread, for as long as it lives; another thread takes it over afterwards.

    PyTorch hands out 32 streams in turn: a thread that asked for one at each network would soon share it with another
    thread, and their graphs would share a workspace. cuBLAS keeps a workspace for every stream that it has seen.
    """
    if not hasattr(_of_this_thread, "lent"):
        _of_this_thread.lent = _Lent()
    return _of_this_thread.lent.stream


class _Lent:
    """A stream that goes back when its thread ends, and takes this with it."""

    def __init__(self):
        import torch  # here, as above

        try:
            self.stream = _free_streams.pop()
        except IndexError:
            self.stream = torch.cuda.Stream()

    def __del__(self):
        _free_streams.append(self.stream)
