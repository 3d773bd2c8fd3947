"""One store and one cache for several users, some of whom may only read, and users without a home."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from users import open_folder, powerless, umask

from transferlab import Lab
from transferlab.__main__ import main
from transferlab.engine.checkpoints import Checkpoint, Reached
from transferlab.store import Damaged, Store, Unreadable
from transferlab.system import cache
from transferlab.system.files import expanded

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions are another matter there")
ARRAYS = {"squares": np.arange(10) ** 2}


@pytest.fixture
def folder():
    with open_folder() as made:
        yield made


@pytest.fixture
def theirs(folder, lab):
    """A store with one network, in which nobody may write, and the Lab of a reader of it."""
    mine = Lab(scale="smoke", runs=folder / "runs", at_once=1)
    run = lab.run("baseB")
    with umask(0o022):
        network, history = run.network(), run.history.to_dict("records")
        mine.store.save(mine.spec("baseB", "random", 0), history, network, run.result)
        (folder / "runs" / "locks").mkdir()
    return mine


def forbid(folder, mode=0o555):
    for path in [*folder.rglob("*"), folder]:
        path.chmod(mode if path.is_dir() else mode & 0o444)


@pytest.mark.parametrize("mask", [0o022, 0o002, 0o027, 0o077])
def test_files_have_the_mode_of_the_umask(folder, mask, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, str(folder / "cache"))
    with umask(mask):
        cache.cached("squares", lambda: ARRAYS)
        store, spec = Store(folder / "runs"), {"treatment": "baseB"}
        store.checkpoint(spec).save(Reached({"a": torch.ones(2)}, [], 2))
        with store.claim(spec):
            store.save(spec, [], nn.Sequential(nn.Linear(2, 2)), {})
            modes = {path: path.stat().st_mode & 0o777 for path in folder.rglob("*")}
    assert len(modes) > 10
    for path, mode in modes.items():
        assert mode == (0o777 if path.is_dir() else 0o666) & ~mask, path


def test_a_store_that_may_only_be_read_is_read(theirs, folder):
    forbid(folder)
    with powerless():
        run = theirs.run("baseB")
        assert run.network().eval() and theirs.why("baseB").startswith("baseB (random, seed 0) is found in")
        assert len(theirs.results()) == 1
        with pytest.raises(OSError, match=r"the run store .*runs cannot be written \(.*\); choose another folder"):
            theirs.run("A1B", seed=5)


@pytest.mark.parametrize("name", ["networks", "locks"])
def test_a_folder_of_it_that_another_user_made_is_named(theirs, folder, name):
    for path in (folder, folder / "runs", folder / "runs" / "networks", folder / "runs" / "locks"):
        path.chmod(0o777)
    (folder / "runs" / name).chmod(0o555)
    with powerless(), pytest.raises(OSError, match=f"cannot be written, since its folder {name} cannot be"):
        theirs.run("A1B", seed=5)


def test_while_somebody_else_trains(theirs, folder):
    spec = theirs.spec("A5B", "random", 0)
    with theirs.store.claim(spec):
        next((folder / "runs" / "locks").iterdir()).chmod(0o444)
        with powerless():
            said = theirs.why("A5B")
            assert theirs.status().loc["AnB", 5] == "running"
    assert said == (
        "A5B (random, seed 0) is locked by another user, so this one cannot tell who trains it: "
        "its first epoch is not finished yet"
    )


def test_a_lock_that_somebody_else_left(theirs, folder):
    for path in (folder / "runs", *(folder / "runs").iterdir()):
        path.chmod(0o777)
    lock = theirs.store._lock_path(theirs.spec("baseB", "random", 7))
    lock.touch(0o444)
    with powerless(), pytest.raises(OSError, match=rf"{lock} belongs to another user .* ask them to remove it"):
        theirs.run("baseB", seed=7)


def test_what_may_not_be_read(theirs):
    path = theirs.run("baseB").path
    path.chmod(0)
    try:
        with powerless():
            assert "is unreadable: " in theirs.why("baseB") and "ask its owner" in theirs.why("baseB")
            assert theirs.status().loc["base", 0] == "unreadable"
            with pytest.raises(Unreadable, match="may not be read by this user"):
                theirs.run("baseB")
            with pytest.warns(UserWarning, match="this network is left out"):
                assert not len(theirs.results())
            assert "may not be read" in theirs.store.set_aside_damaged()[0]
    finally:
        path.chmod(0o755)
    assert path.exists()


def test_damage_that_only_its_owner_can_mend(theirs, folder):
    run = theirs.run("baseB")
    content = bytearray((run.path / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (run.path / "weights.safetensors").write_bytes(content)
    forbid(folder)
    with powerless(), pytest.raises(Damaged, match=r"checksum differs\); .* cannot be moved to .*may write in this"):
        run.network()
    assert run.path.exists()


def test_a_checkpoint_that_is_replaced_while_one_looks(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(Reached({"a": torch.ones(2)}, [], 2))
    gone = tmp_path / f"{'0' * 64}.safetensors"
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: iter([gone, *folder.iterdir()]))
    assert checkpoint.load().epochs == 2


# --- the cache -------------------------------------------------------------------------------------------


def refuse():
    raise AssertionError("it is there")


def test_a_finished_cache_is_read_without_a_lock(folder, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, str(folder))
    cache.cached("squares", lambda: ARRAYS)
    for path in folder.glob("*.lock"):
        path.unlink()
    forbid(folder)
    with powerless():
        assert cache.cached("squares", refuse)["squares"].tolist() == ARRAYS["squares"].tolist()
        with pytest.raises(OSError, match=f"the cache {folder} cannot be .*; set TRANSFERLAB_CACHE to"):
            cache.cached("cubes", lambda: ARRAYS)
    assert len(list(folder.iterdir())) == 2


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), what=st.sampled_from(["flip", "cut", "empty", "no sum", "other sum", "no UTF-8"]))
def test_a_damaged_cache_is_made_again(tmp_path, monkeypatch, place, what):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    cache.cached("squares", lambda: ARRAYS)
    path, known = tmp_path / "squares.safetensors", tmp_path / "squares.sha256"
    content = bytearray(path.read_bytes())
    place %= len(content)
    content[place] ^= 1
    {
        "flip": lambda: path.write_bytes(content),
        "cut": lambda: path.write_bytes(content[:place]),
        "empty": lambda: path.write_bytes(b""),
        "no sum": known.unlink,
        "other sum": lambda: known.write_text("0" * 64),
        "no UTF-8": lambda: known.write_bytes(b"\xff\xfe"),
    }[what]()
    made = []
    for _ in range(2):
        arrays = cache.cached("squares", lambda: made.append(1) or ARRAYS)
        assert arrays["squares"].tolist() == ARRAYS["squares"].tolist()
    assert made == [1]


def test_without_a_home(monkeypatch, tmp_path, capsys):
    def homeless(*_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv(cache.VARIABLE, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setattr(Path, "expanduser", lambda path: homeless() if str(path)[0] == "~" else path)
    monkeypatch.setattr("sys.argv", ["transferlab", "why", "A3B", "--scale", "smoke", "--runs", str(tmp_path / "runs")])
    assert main() == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "there is no home directory to keep images in; set TRANSFERLAB_CACHE" in said
    with pytest.raises(ValueError, match=re.escape("data_root is '~/x', but there is no such home directory")):
        expanded("data_root", "~/x")
    with pytest.raises(ValueError, match=r"runs is '~/x', but there is no such home"):
        Store("~/x")
    assert not list(tmp_path.iterdir())


def test_a_home_that_cannot_be_written(monkeypatch, folder, capsys):
    monkeypatch.delenv(cache.VARIABLE, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    forbid(folder)
    monkeypatch.setattr("sys.argv", ["transferlab", "status", "--scale", "smoke", "--runs", str(folder / "runs")])
    with powerless():
        assert main() == 2
    said = capsys.readouterr().err
    assert f"the cache {folder}/.cache/transferlab cannot be written" in said and "set TRANSFERLAB_CACHE" in said


def test_a_cache_in_a_home_is_written_with_a_tilde(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(cache.VARIABLE, "~/сache of images")
    cache.cached("squares", lambda: ARRAYS)
    assert (tmp_path / "сache of images" / "squares.safetensors").exists()
