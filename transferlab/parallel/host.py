"""The program that holds the worker processes of a sweep: `python -m transferlab.parallel.host WORKERS FOLDER`.

It prints the address of its scheduler and runs until its standard input is closed, at the latest when the program that
started it has ended. It is started in its own session: Ctrl-C in a terminal signals every program there, and should
reach only the one that runs the sweep.
"""

import logging
import sys

import dask
from distributed import LocalCluster

# Dask makes glibc return memory at once; training then spends up to half its time getting it back.
# These keep it, in large pages. (Other C libraries ignore them.)
ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "OMP_NUM_THREADS": "1",
}
SETTINGS = {
    "distributed.nanny.pre-spawn-environ": ENVIRONMENT,
    # the profiler inspects the stack every 10 ms, for a dashboard that is switched off, and training waits for it
    "distributed.worker.profile.enabled": False,
    "logging": {"distributed": "error"},
}


def main(workers: int, folder: str) -> None:
    """Run `workers` processes of one thread each, with their temporary files in `folder`."""
    with (
        dask.config.set(SETTINGS),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            # no dashboard; but its server would still ask for the port of one, and complain if that is taken
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            memory_limit=0,
            local_directory=folder,
            silence_logs=logging.ERROR,
        ) as cluster,
    ):
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
