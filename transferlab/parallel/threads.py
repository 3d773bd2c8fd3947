"""Many networks at a time on one GPU: threads of this process, each with a CUDA stream of its own.

One network of the study leaves most of a GPU idle. Threads suffice to fill it, since a step is one call
(`steps`), and they share the process's one CUDA context.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import nullcontext

import torch

from transferlab.notation import Job, parent_job

AT_ONCE = 8  # networks; more gain little, since each takes a share of the same kernels


def in_parallel(
    run: Callable, jobs: list[Job], workers: int, done: Callable[[Job, float], None]
) -> dict[Job, BaseException]:
    """Call `run(*job)`, which gives a Run, for all `jobs` (parents first), `workers` at a time.

    `done` is called with each job and its accuracy as it is finished. What fails, and what rests on it, is given back
    with the error.
    """

    def train(job: Job, parent: Future | None) -> tuple[Job, float]:
        if parent:
            parent.result()
        with torch.cuda.stream(torch.cuda.Stream()) if torch.cuda.is_available() else nullcontext():
            return job, run(*job).accuracy

    futures: dict[Job, Future] = {}
    with ThreadPoolExecutor(workers) as pool:
        for job in jobs:
            futures[job] = pool.submit(train, job, futures.get(parent_job(job)))
        try:
            for future in as_completed(futures.values()):
                if not future.exception():
                    done(*future.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {job: future.exception() for job, future in futures.items() if future.exception()}
