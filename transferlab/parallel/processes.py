"""Many networks at a time: Dask hands them to worker processes of one thread each, here or on a cluster."""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from distributed import Client, Future, as_completed

import transferlab
from transferlab.notation import Job, parent_job
from transferlab.parallel import Done, Failed, Train

RETRIES = 2
INSECURE = "insecure+"  # before the address of a cluster: it may be on another machine without TLS
WAIT = 15  # seconds for a scheduler to answer
PATIENCE = 1.0  # seconds for worker processes to leave by themselves before they are killed


def safe(address: str) -> bool:
    """Whether nobody else can reach the scheduler at an address: it is encrypted, or on this machine."""
    parts = urlsplit(address)
    try:
        here = ip_address(parts.hostname or "").is_loopback
    except ValueError:  # a name
        here = parts.hostname == "localhost"
    return parts.scheme in ("tls", "wss") or here


def elsewhere(address: str) -> Client:
    """Connect to the Dask scheduler at `address`, which may also be the path of its scheduler file.

    Raises ValueError if none answers, or if others could reach it.
    """
    plain = address.removeprefix(INSECURE)
    try:  # Dask would wait for a file that does not exist
        where = plain if "://" in plain else json.loads(Path(plain).read_text(encoding="utf-8"))["address"]
        if safe(where) or plain != address:
            return Client(where, timeout=WAIT)
    except (OSError, ValueError, KeyError, TypeError) as error:  # TypeError: no certificate for tls://
        raise ValueError(
            f"no Dask scheduler answers at {address} ({error}); start one (dask scheduler --scheduler-file FILE) "
            'and give its address, such as "tls://10.0.0.1:8786", or its file'
        ) from error
    raise ValueError(
        f"the scheduler {where} is on another machine and not encrypted, so anyone who reaches it can run code there. "
        f'Start it with TLS, as tls://, or declare its network safe: "{INSECURE}{address}"'
    )


@contextmanager
def here(workers: int) -> Iterator[Client]:
    """Connect to `workers` processes on this machine, which end with the block.

    They belong to a separate program, so a script that calls this needs no `if __name__ == "__main__"`.
    """
    paths = [str(Path(transferlab.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with tempfile.TemporaryDirectory(prefix="transferlab-", ignore_cleanup_errors=True) as folder:
        host = subprocess.Popen(
            [sys.executable, "-m", "transferlab.parallel.host", str(workers), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
        assert host.stdout  # it is a pipe
        try:
            address = host.stdout.readline().strip()
            if not address:
                raise RuntimeError("the worker processes could not be started; their own message is above")
            with Client(address) as client:
                client.wait_for_workers(workers)  # or the first one would get all the long networks
                yield client
        finally:
            _end(host)


def _end(host: subprocess.Popen) -> None:
    """End a program and its processes. Every finished epoch has been saved, so they may be killed."""
    assert host.stdin and host.stdout  # they are pipes
    try:
        host.stdin.close()
        host.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        pass
    finally:  # also if another Ctrl-C comes
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(host.pid, signal.SIGKILL)
        else:
            host.kill()  # its workers notice, and exit
        host.wait()
        host.stdout.close()


def in_parallel(train: Train, jobs: list[Job], workers: int, done: Done, address: str | None = None) -> Failed:
    """Train `jobs` in `workers` processes of this machine, or in those of the cluster at `address`.

    `train` must be picklable. A network is tried three times, also if its worker dies. An interrupt ends the trainings
    on this machine; on a cluster the running ones finish, and no others start.
    """
    logging.getLogger("distributed").setLevel(logging.ERROR)
    with elsewhere(address) if address else here(workers) as client:
        futures: dict[Job, Future] = {}
        for place, job in enumerate(jobs):
            parent = parent_job(job)
            waited_for = futures.get(parent) if parent else None
            futures[job] = client.submit(_one, train, job, waited_for, priority=-place, pure=False, retries=RETRIES)
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


def _one(train: Train, job: Job, parent: tuple[Job, float] | None) -> tuple[Job, float]:
    """Train one network in a worker; `parent` is an argument only so that Dask waits for it."""
    return job, train(job)
