"""Many networks at a time: Dask hands them to worker processes of one thread each, here or on a cluster."""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from distributed import Client, Future, wait
from tqdm.auto import tqdm

from transferlab.notation import Job, parent_jobs
from transferlab.parallel import Done, Failed, Train
from transferlab.system.files import expanded, search_path

RETRIES = 2
INSECURE = "insecure+"  # before the address of a cluster: it may be on another machine without TLS
WAIT = 15  # seconds for a scheduler to answer
SILENT = 5.0  # seconds without workers after which it is said what is waited for
PATIENCE = 1.0  # seconds for worker processes to leave by themselves before they are killed


def safe(address: str) -> bool:
    """Whether nobody else can reach the scheduler at an address: it is encrypted, or on this machine."""
    parts = urlsplit(address)
    try:
        here = ip_address(parts.hostname or "").is_loopback
    except ValueError:  # a name
        here = parts.hostname == "localhost"
    return parts.scheme in ("tls", "wss") or here


@contextmanager
def elsewhere(cluster: Any) -> Iterator[Client]:
    """Connect to a cluster for as long as the block runs.

    Args:
        cluster: the address of a Dask scheduler, the path of its scheduler file, or an object of Dask's: a Client,
            which is used and stays open, or a cluster such as LocalCluster.

    Raises:
        ValueError: if none answers, if others could reach it by its address, and for an object that is closed or
            asynchronous.
    """
    if isinstance(cluster, str | Path):
        with _reached(str(cluster)) as client:
            yield client
        return
    running = getattr(cluster.status, "name", cluster.status) == "running"
    if not running or cluster.asynchronous:
        state = "asynchronous" if running else "closed"
        raise ValueError(
            f"the {type(cluster).__name__} that was given as cluster is {state}; give one that runs, made without "
            "asynchronous=True"
        )
    if isinstance(cluster, Client):
        with cluster.as_current():
            yield cluster
    else:
        with Client(cluster, timeout=WAIT) as client:
            yield client


def _reached(address: str) -> Client:
    plain = address.removeprefix(INSECURE)
    try:  # Dask would wait for a file that does not exist
        file = None if "://" in plain else expanded("cluster", plain)
        where = json.loads(file.read_text(encoding="utf-8"))["address"] if file else plain
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
    with tempfile.TemporaryDirectory(prefix="transferlab-", ignore_cleanup_errors=True) as folder:
        host = subprocess.Popen(
            [sys.executable, "-m", "transferlab.parallel.host", str(workers), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": search_path()},
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


def in_parallel(
    train: Train,
    jobs: list[Job],
    workers: int,
    done: Done,
    cluster: Any = None,
    look: Callable[[], str] = str,
) -> Failed:
    """Train `jobs` in `workers` processes of this machine, or in those of a `cluster` (see `elsewhere`).

    `train` must be picklable. A network is tried three times, also if its worker dies. An interrupt ends the trainings
    on this machine; on a cluster the running ones finish, and no others start. While a cluster has no workers, that is
    said.

    Each worker of a cluster runs `look` first, which returns what is wrong there, or nothing. Raises ValueError, which
    names the worker, if something is.
    """
    logging.getLogger("distributed").setLevel(logging.ERROR)
    with here(workers) if cluster is None else elsewhere(cluster) as client:
        if cluster is not None:
            _await_workers(client)
            _look_around(client, look)
        futures: dict[Job, Future] = {}
        for place, job in enumerate(jobs):
            waited_for = [futures[parent] for parent in parent_jobs(job) if parent in futures]
            futures[job] = client.submit(_one, train, job, waited_for, priority=-place, pure=False, retries=RETRIES)
        names, failed = {future: job for job, future in futures.items()}, {}
        try:
            for future in _finished(client, [*names]):
                if future.status == "finished":
                    done(*future.result())
                else:
                    failed[names[future]] = future.exception()
        except BaseException:
            client.cancel(list(futures.values()), force=True)
            raise
    return failed


def _await_workers(client: Client) -> None:
    """Wait for a first worker, and say so if that takes long."""
    said = False
    while not client.nthreads():
        try:
            client.wait_for_workers(1, timeout=SILENT)
        except TimeoutError:
            if not said:
                _say_what_is_missing(client)
            said = True


def _say_what_is_missing(client: Client) -> None:
    where = client.scheduler_info()["address"]
    tqdm.write(
        f"waiting for workers: the scheduler {where} has none; start some, as in: dask worker {where} --nthreads 1",
        file=sys.stderr,
    )


def _finished(client: Client, futures: list[Future]) -> Iterator[Future]:
    """Yield futures as they finish; where all workers have left, say once what is waited for."""
    pending, alone = set(futures), False
    while pending:
        try:
            ended = wait(pending, timeout=SILENT, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            before, alone = alone, not client.nthreads()
            if alone and not before:
                _say_what_is_missing(client)
            continue
        pending -= ended
        yield from ended


def _look_around(client: Client, look: Callable[[], str]) -> None:
    """Let each worker `look`; raises ValueError for the first that finds something wrong."""
    futures = {
        client.submit(look, workers=[address], allow_other_workers=False, pure=False): address
        for address in client.nthreads()
    }
    pending = set(futures)
    try:
        while pending:
            try:
                ended = wait(pending, timeout=SILENT, return_when="FIRST_COMPLETED").done
            except TimeoutError:  # whoever has left meanwhile trains nothing
                there = client.nthreads()
                pending = {future for future in pending if futures[future] in there}
                continue
            pending -= ended
            for future in ended:
                wrong = future.result() if future.status == "finished" else _said(future.exception())
                if wrong:
                    raise ValueError(
                        f"the worker {futures[future]} cannot train for this Lab: {wrong}. Mend it, or take it out of "
                        "the cluster; nothing was trained"
                    )
    finally:
        client.cancel(list(futures), force=True)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _one(train: Train, job: Job, parents: list[tuple[Job, float]]) -> tuple[Job, float]:
    """Train one network in a worker; `parents` are an argument only so that Dask waits for them."""
    return job, train(job)
