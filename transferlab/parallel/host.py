"""The program that holds the worker processes of a sweep: `python -m transferlab.parallel.host WORKERS FOLDER`.

It prints the address of its scheduler and lives until its standard input is closed, which happens at the latest when
the program that started it is gone. It is started in a session of its own, so that a Ctrl-C in a terminal, which goes
to all programs there, reaches only the one that asked for the sweep.
"""

import logging
import sys

import dask
from distributed import LocalCluster

# Dask asks glibc to give memory back at once; training then spends up to half its time on getting it again.
# Here it is kept, in large pages. (Other C libraries ignore these.)
ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "OMP_NUM_THREADS": "1",
}
SETTINGS = {
    "distributed.nanny.pre-spawn-environ": ENVIRONMENT,
    # the profiler looks at the stack every 10 ms, for a dashboard that is not there, and training waits meanwhile
    "distributed.worker.profile.enabled": False,
    "logging": {"distributed": "error"},
}


def main(workers: int, folder: str) -> None:
    """Hold `workers` processes of one thread each, whose temporary files go into `folder`."""
    with (
        dask.config.set(SETTINGS),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit=0,
            local_directory=folder,
            silence_logs=logging.ERROR,
        ) as cluster,
    ):
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
