"""Networks in worker processes: of this machine, and of a Dask cluster, one of which is killed while it trains."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext

import dask
import psutil
import pytest
from distributed import Client

from transferlab import Lab
from transferlab.parallel.host import ENVIRONMENT
from transferlab.parallel.processes import here
from transferlab.system import machine

CONDITIONS = ("base", "AnB", "BnB+", "random")


@contextmanager
def running(tmp_path, *options):
    """A scheduler and two workers as programs of their own; gives the scheduler's file and the workers."""
    file = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    here = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file]
    scheduler = subprocess.Popen([*dask, "scheduler", *here, *options], **quiet)
    while not file.exists():
        assert scheduler.poll() is None
        time.sleep(0.1)
    one = [*dask, "worker", "--scheduler-file", file, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    workers = [subprocess.Popen([*one, "--name", str(n), *options], **quiet) for n in range(2)]
    try:
        yield file, workers
    finally:
        for process in [*workers, scheduler]:
            if process.poll() is None:
                psutil.Process(process.pid).terminate()
            process.wait(90)


@pytest.fixture
def cluster(tmp_path):
    """Two workers that whoever reaches the port can use."""
    with running(tmp_path) as made:
        yield made


@pytest.mark.nightly
def test_a_sweep_survives_the_loss_of_a_worker(cluster, lab, tmp_path, monkeypatch):
    file, workers = cluster
    with Client(scheduler_file=str(file)) as client:
        client.wait_for_workers(2, timeout=180)
    lost = []

    def done(job, accuracy):
        if not lost:
            lost.append(workers[0])
            workers[0].kill()

    elsewhere = Lab(scale="smoke", runs=tmp_path / "runs", device="cpu")
    from transferlab.store.sweeps import sweep_jobs

    table = elsewhere.train(sweep_jobs(CONDITIONS, (1, 4, 7), "random", (0,), ("B",)), done, cluster=str(file))
    assert lost and len(table) == 2 + 3 * 3
    for row in table.itertuples():
        assert row.accuracy == lab.run(row.network).accuracy

    here = lab.run("R6B")
    monkeypatch.setattr(Lab, "_make", None)  # nothing is trained here any more
    there = Lab(scale="smoke", runs=tmp_path / "runs", device="cpu", cluster=str(file))
    assert there.run("R6B").accuracy == here.accuracy
    assert Lab(scale="smoke", device="cuda", cluster=str(file)).recipe.precision == "bfloat16"


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here to make certificates with")
@pytest.mark.nightly
def test_a_cluster_that_speaks_tls(tmp_path):
    files = {name: str(tmp_path / f"{name}.pem") for name in ("key", "cert")}
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=cluster -keyout {key} -out {cert}"
    subprocess.run(make.format(**files).split(), check=True, capture_output=True)
    options = ["--tls-ca-file", files["cert"], "--tls-cert", files["cert"], "--tls-key", files["key"]]
    tls = {"ca-file": files["cert"], "client.cert": files["cert"], "client.key": files["key"]}
    with running(tmp_path, "--protocol", "tls", *options) as (file, _):
        address = json.loads(file.read_text())["address"]
        assert address.startswith("tls://")
        lab = Lab(scale="smoke", runs=tmp_path / "runs", device="cpu")
        with dask.config.set({f"distributed.comm.tls.{name}": value for name, value in tls.items()}):
            assert len(lab.sweep(("base", "AnB"), (4,), cluster=address)) == 3
        with pytest.raises(ValueError, match="no Dask scheduler answers at tls://"):
            lab.sweep(("BnB",), (4,), cluster=address)  # no certificate


def test_a_scheduler_that_does_not_answer_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("transferlab.parallel.processes.WAIT", 2)
    lab = Lab(scale="smoke", runs=tmp_path, device="cpu")
    with pytest.raises(ValueError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9 .*dask scheduler"):
        lab.sweep(("base",), (1,), cluster="tcp://127.0.0.1:9")
    with pytest.raises(ValueError, match=r"no Dask scheduler answers at nowhere\.json"):
        lab.sweep(("base",), (1,), cluster="nowhere.json")


def test_a_sweep_in_processes_names_what_failed_and_the_rest_equals_runs_one_by_one(tmp_path, monkeypatch):
    """Its workers take the precision that was chosen here, also where they would choose the other one."""
    other = not machine.prefers_bfloat16("cpu")
    monkeypatch.setattr("transferlab.engine.recipes.prefers_bfloat16", lambda device: other)
    lab = Lab(scale="smoke", runs=tmp_path / "a sweep", device="cpu", at_once=2)
    blocked = lab.store.checkpoint(lab.spec("A4B", "random", 0)).folder
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where the folder of its checkpoints is to go")
    with pytest.raises(RuntimeError, match=r"1 of 5 networks failed.* A4B \(random, seed 0\)"):
        lab.sweep(("AnB",), (1, 4, 7))
    assert {run.treatment.n for run in lab.store.runs()} == {0, 1, 7}
    alone = Lab(scale="smoke", runs=tmp_path / "alone", device="cpu")
    assert alone.recipe.precision == ("bfloat16" if other else "float32")
    for run in lab.store.runs():
        assert alone.run(run.treatment).accuracy == run.accuracy


@pytest.mark.parametrize(("changes", "expected"), [({}, False), ({"at_once": 2}, True), ({"epochs": 500}, True)])
def test_processes_are_started_where_they_save_time_or_are_asked_for(tmp_path, monkeypatch, changes, expected):
    class Started(Exception):
        pass

    def start(workers):
        raise Started

    monkeypatch.setattr("transferlab.parallel.processes.here", start)
    monkeypatch.setattr("transferlab.lab.cores", lambda: 2)
    lab = Lab(scale="smoke", runs=tmp_path, device="cpu", **changes)
    with pytest.raises(Started) if expected else nullcontext():
        assert len(lab.sweep(("base",), targets=("A", "B"))) == 2


def test_workers_start_with_what_makes_training_fast():
    def inside():
        return os.environ["GLIBC_TUNABLES"], dask.config.get("distributed.worker.profile.enabled")

    before = dict(os.environ)
    with here(1) as client:
        assert list(client.run(inside).values()) == [(ENVIRONMENT["GLIBC_TUNABLES"], False)]
    assert dict(os.environ) == before
