"""Many networks at a time on one GPU: threads of this process, each with a CUDA stream of its own.

One network of the study leaves most of a GPU idle. Threads are enough to fill it, since a step is a single call
(`engine.steps`), and they share one CUDA context.
"""

from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from threading import Event

import torch

from transferlab.engine import interrupts
from transferlab.notation import Job, parent_job
from transferlab.parallel import Done, Failed, Train, one_by_one
from transferlab.system.machine import own_stream

AT_ONCE = 8  # networks; more gain little, since they compete for the same kernels


def in_parallel(train: Train, jobs: list[Job], workers: int, done: Done) -> Failed:
    """Train `jobs` in `workers` threads. An interrupt stops each thread at its next batch."""
    if workers == 1:
        return one_by_one(train, jobs, done)
    stop = Event()

    def one(job: Job, parent: Future | None) -> tuple[Job, float]:
        if parent:
            parent.result()
        interrupts.check()
        with torch.cuda.stream(own_stream()) if torch.cuda.is_available() else nullcontext():
            return job, train(job)

    futures: dict[Job, Future] = {}
    with ThreadPoolExecutor(workers, initializer=interrupts.stop.set, initargs=(stop,)) as pool:
        try:
            for job in jobs:
                parent = parent_job(job)
                futures[job] = pool.submit(one, job, futures.get(parent) if parent else None)
            for future in as_completed(futures.values()):
                if not future.exception():
                    done(*future.result())
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {job: error for job, future in futures.items() if (error := future.exception())}
