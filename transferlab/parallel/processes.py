"""Many networks at a time: Dask hands them to worker processes of one thread each."""

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from distributed import Client, as_completed
from distributed.deploy.subprocess import SubprocessCluster

from transferlab.notation import Job, parent_job

RETRIES = 2
INSECURE = "insecure+"  # before the address of a cluster: it may be on another machine without TLS
WAIT = 90  # seconds for a scheduler to answer
# Dask asks glibc to give memory back at once; training then spends up to half its time on getting it again.
# Here it is kept, in large pages. (Other C libraries ignore these.) Read by the processes that start the workers.
ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "OMP_NUM_THREADS": "1",
}


@contextmanager
def _environment() -> Iterator[None]:
    """The variables that Dask's nannies start with: the environment of their workers, and no chatter."""
    ours = {
        "DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON": repr(ENVIRONMENT),
        # it looks at the stack every 10 ms, for a dashboard that is not there, and training waits meanwhile
        "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
        "DASK_LOGGING__DISTRIBUTED": "error",
    }
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


def safe(address: str) -> bool:
    """Whether nobody else can reach the scheduler at an address: it is encrypted, or of this machine alone."""
    parts = urlsplit(address)
    try:
        here = ip_address(parts.hostname or "").is_loopback
    except ValueError:  # a name
        here = parts.hostname == "localhost"
    return parts.scheme in ("tls", "wss") or here


@contextmanager
def _client(workers: int, address: str | None) -> Iterator[Client]:
    """A connection to the cluster at `address`, or to one of `workers` processes that lives as long as it is used."""
    if address:
        plain = address.removeprefix(INSECURE)
        try:  # a file that is not there would be waited for
            where = plain if "://" in plain else json.loads(Path(plain).read_text())["address"]
            client = Client(where, timeout=WAIT) if safe(where) or plain != address else None
        except (OSError, ValueError, KeyError, TypeError) as error:  # TypeError: no certificate for tls://
            raise ValueError(
                f"no Dask scheduler answers at {address} ({error}); start one (dask scheduler --scheduler-file FILE) "
                'and give its address, such as "tls://10.0.0.1:8786", or its file'
            ) from error
        if client is None:
            raise ValueError(
                f"the scheduler {where} is on another machine and not encrypted: whoever reaches it can run what they "
                f'like. Start it with TLS, as tls://, or say that its network is safe: "{INSECURE}{address}"'
            )
        with client:
            yield client
        return
    with (
        _environment(),
        SubprocessCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address=None,
            # if this process is killed, the others finish what they are at and leave; a busy machine may need a minute
            # to start them at all
            scheduler_kwargs={"idle_timeout": "90 s"},
            worker_kwargs={"memory_limit": 0},
            silence_logs=logging.ERROR,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(workers)  # or the first one is handed the long networks, one behind the other
        yield client


def in_parallel(
    lab: dict, jobs: list[Job], workers: int, done: Callable[[Job, float], None], address: str | None = None
) -> dict[Job, BaseException]:
    """Train `jobs` (in an order in which parents come first) in processes, each with a Lab(**lab).

    The processes are `workers` of this machine, started as programs of their own, so that a script that calls this
    needs no `if __name__ == "__main__"`; or those of the cluster at `address`. `done` is called with each job and its
    accuracy as it is finished. A network is tried three times, also if its worker dies; what fails then, and what
    rests on it, is given back with the error. An interrupt cancels what is not finished.
    """
    logging.getLogger("distributed").setLevel(logging.ERROR)
    with _client(workers, address) as client:
        futures = {}
        for place, job in enumerate(jobs):
            parent = futures.get(parent_job(job))
            futures[job] = client.submit(_train, lab, job, parent, priority=-place, pure=False, retries=RETRIES)
        names, failed = {future: job for job, future in futures.items()}, {}
        try:
            for future in as_completed(futures.values()):
                if future.status == "finished":
                    done(*future.result())
                else:
                    failed[names[future]] = future.exception()
        except BaseException:
            client.cancel(list(futures.values()), force=True)
            raise
    return failed


_open: dict = {}  # in a worker: the Lab in use, by its arguments, so that the images are read once


def _train(lab: dict, job: Job, parent: tuple[Job, float] | None) -> tuple[Job, float]:
    """Train one network in a worker; `parent` is only there to be waited for."""
    from transferlab.lab import Lab

    key = repr(lab)
    if key not in _open:
        _open.clear()
        _open[key] = Lab(**lab)
    return job, _open[key].run(*job).accuracy
