"""Many networks at a time on one GPU: threads of this process, each with a CUDA stream of its own.

One network of the study leaves most of a GPU idle. Threads are enough to fill it, since a step is a single call
(`engine.steps`), and they share one CUDA context.
"""

from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from contextvars import ContextVar
from threading import Event

import torch

from transferlab.engine import interrupts
from transferlab.notation import Job, parent_jobs
from transferlab.parallel import Done, Failed, Train, one_by_one
from transferlab.system.machine import own_stream

AT_ONCE = 8  # networks; more gain little, since they compete for the same kernels
MOST = 32  # networks: PyTorch has 32 streams, and two threads on one stream would record each other's kernels
side_by_side: ContextVar[int] = ContextVar("side_by_side", default=1)  # networks, in a thread that trains one of them


def in_parallel(train: Train, jobs: list[Job], workers: int, done: Done) -> Failed:
    """Train `jobs` in `workers` threads. An interrupt stops each thread at its next batch."""
    if workers == 1:
        return one_by_one(train, jobs, done)
    stop = Event()

    def one(job: Job, parents: list[Future]) -> tuple[Job, float]:
        for parent in parents:
            parent.result()
        interrupts.check()
        with torch.cuda.stream(own_stream()) if torch.cuda.is_available() else nullcontext():
            return job, train(job)

    def begin() -> None:
        interrupts.stop.set(stop)
        side_by_side.set(workers)

    futures: dict[Job, Future] = {}
    with ThreadPoolExecutor(workers, initializer=begin) as pool:
        try:
            for job in jobs:
                parents = [futures[parent] for parent in parent_jobs(job) if parent in futures]
                futures[job] = pool.submit(one, job, parents)
            for future in as_completed(futures.values()):
                if not future.exception():
                    done(*future.result())
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {job: error for job, future in futures.items() if (error := future.exception())}
