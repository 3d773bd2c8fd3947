"""A cluster in any form that Dask has: what is waited for is said, and a worker that is apart is named beforehand."""

import json
import shutil
import threading
from pathlib import Path

import pytest
from distributed import Client, LocalCluster
from hypothesis import given, settings
from hypothesis import strategies as st

import transferlab.lab
from transferlab import Lab
from transferlab.parallel import checked_cluster, processes

# no dashboard; but its server would still ask for the port of one
QUIET = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}


@pytest.fixture(scope="module")
def cluster():
    """Two workers of two threads each, in this process."""
    with LocalCluster(n_workers=2, threads_per_worker=2, processes=False, scheduler_kwargs=QUIET) as made:
        yield made


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A Lab whose networks are trained by workers; they share this process, so nothing else may train here."""
    monkeypatch.setattr(processes, "SILENT", 0.2)
    return Lab(scale="smoke", runs=tmp_path / "runs", device="cpu", at_once=1)


def stored(lab):
    return sorted(path.name for path in (lab.store.root / "networks").glob("*")) if lab.store.root.exists() else []


def test_a_cluster_and_a_client_are_taken(cluster, mine, lab):
    table = mine.sweep(("base",), seeds=(0,), cluster=cluster)
    with Client(cluster) as client:
        other = mine.changed(cluster=client)
        assert other.run("A4B").accuracy == lab.run("A4B").accuracy
        assert client.status == "running"  # it is its owner who closes it
    assert table.accuracy.tolist() == [lab.run("baseB").accuracy]
    assert len(stored(mine)) == 3 and not list(mine.store.root.glob(".seen*"))


@pytest.mark.parametrize("kind", [str, Path])
def test_a_scheduler_file_is_taken_as_text_and_as_path(cluster, mine, kind, tmp_path):
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", scheduler_kwargs=QUIET
    ) as tcp:
        file = tmp_path / "scheduler ✓.json"
        file.write_text(json.dumps({"address": tcp.scheduler_address}))
        assert len(mine.sweep(("base",), seeds=(1,), cluster=kind(file))) == 1


def test_a_scheduler_without_workers_is_waited_for_aloud(mine, capsys):
    with LocalCluster(n_workers=0, processes=False, scheduler_kwargs=QUIET) as empty:
        late = threading.Timer(1.5, empty.scale, (1,))
        late.start()
        assert len(mine.sweep(("base",), seeds=(2,), cluster=empty)) == 1
        late.join()
    said = capsys.readouterr().err
    assert said.count("waiting for workers: the scheduler inproc://") == 1 and "has none; start some" in said


def test_a_worker_that_sees_another_folder_is_named_before_anything_is_trained(cluster, mine, monkeypatch):
    monkeypatch.setattr(transferlab.lab, "sleep", lambda pause: None)
    with monkeypatch.context() as there:
        there.setattr(transferlab.lab, "_unseen", lambda mark: f"does not see the run store {mark.parent}")
        with pytest.raises(ValueError, match=rf"the worker inproc:.* does not see the run store {mine.store.root}"):
            mine.sweep(("base", "AnB"), (1,), cluster=cluster)
    assert not stored(mine)
    with mine.store.mark() as mark:
        assert transferlab.lab._unseen(mark) == ""
    assert "does not see the run store" in transferlab.lab._unseen(mark)
    with pytest.raises(RuntimeError, match=r"a worker on .* does not see"):  # one that came later
        transferlab.lab._in_worker(mine._given, mark, ("baseB", "random", 0))
    assert not stored(mine)


def test_a_worker_without_the_images_or_with_others_is_named(cluster, mine, monkeypatch, tmp_path):
    opened = transferlab.lab._opened
    for other, said in (
        (lambda given: opened({**given, "dataset": "folder", "data_root": tmp_path / "gone"}), "gone.* does not exist"),
        (lambda given: opened({**given, "epochs": 3}), r"its networks would have recipe\.epochs = 3, where 2 is"),
    ):
        monkeypatch.setattr(transferlab.lab, "_opened", other)
        with pytest.raises(ValueError, match=rf"the worker inproc:.* cannot train for this Lab: .*{said}.*nothing was"):
            mine.sweep(("base",), seeds=(3,), cluster=cluster)
    assert not stored(mine)


def test_networks_that_went_elsewhere_are_named(cluster, mine, monkeypatch):
    run = mine.run("baseB")

    def astray(given, mark, job):
        shutil.rmtree(run.path, ignore_errors=True)
        return 0.5

    monkeypatch.setattr(transferlab.lab, "_in_worker", astray)
    with pytest.raises(RuntimeError, match=r"1 of 1 networks failed.*baseA .*put into another run store"):
        mine.train([("baseA", "random", 0)], cluster=cluster)


def test_what_is_closed_or_asynchronous_is_refused(mine):
    with LocalCluster(n_workers=0, processes=False, scheduler_kwargs=QUIET) as short, Client(short) as client:
        pass
    for closed in (short, client):
        with pytest.raises(ValueError, match="that was given as cluster is closed; give one that runs"):
            mine.sweep(("base",), seeds=(4,), cluster=closed)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.one_of(st.integers(), st.floats(), st.booleans(), st.binary(), st.lists(st.text()), st.just(""), st.just("\0"))
)
def test_anything_else_is_refused(value):
    with pytest.raises(ValueError, match=r"cluster is .*; it must be the address of a Dask scheduler"):
        checked_cluster(value)
    with pytest.raises(ValueError, match=r"cluster is .*; it must be the address of a Dask scheduler"):
        Lab(cluster=value)
