"""Other machines: a locale of ASCII, a share of the processor, folders with any name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from formats import write_tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from transferlab import datasets
from transferlab.__main__ import main
from transferlab.engine.checkpoints import Reached
from transferlab.store import Store, fault
from transferlab.system import cache
from transferlab.system.kernels import search_path
from transferlab.system.machine import cores

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LONG = "x" * 200
STRANGE = [LONG, "a b", "~", "~x", "$HOME", "%TEMP%", "né", "жук", "-o", "#1", "'"]
NAMES = st.text(st.characters(exclude_characters='/\\:*?"<>|\0', exclude_categories=["Cs", "Cc"]), min_size=1)


@pytest.mark.skipif(sys.platform == "win32", reason="names of files are Unicode there, whatever the locale")
def test_names_are_text_in_a_locale_of_ascii(tmp_path):
    root = write_tree(tmp_path / "фото", ["жук", "кот", "пёс", "чай"], 2, 1)
    (root / "train" / "жук" / "битый.png").write_bytes(b"no image")
    command = [sys.executable, "-m", "transferlab", "why", "A3B", "--scale", "smoke", "--runs", tmp_path / "сети"]
    broken = subprocess.run(
        [*command, "--dataset", "folder", "--data-root", root], env={**os.environ, **ASCII}, capture_output=True
    )
    assert broken.returncode == 2 and str(root / "train" / "жук" / "битый.png") in broken.stderr.decode("utf-8")
    assert not (tmp_path / "сети").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="names of files are Unicode there, whatever the locale")
def test_a_script_reads_names_in_a_locale_of_ascii(tmp_path):
    write_tree(tmp_path / "фото", ["жук", "кот"], 5, 1)
    (tmp_path / "фото" / "train" / "жук" / "список.части").write_bytes(b"no image")
    program = "import os; from transferlab import datasets; data = datasets.load('folder', data_root=os.listdir()[0])"
    program += "; print(ascii(data.class_names), len(data.train_images))"
    environment = {**os.environ, **ASCII, "PYTHONPATH": search_path()}
    read = subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True)
    assert read.returncode == 0, read.stderr
    said, told = read.stdout.splitlines()
    assert "фото: 1 .части" in said.decode("utf-8")
    assert told.decode() == f"{('жук', 'кот')!a} 10"


@pytest.mark.parametrize(("quota", "expected"), [(50_000, 1), (100_000, 1), (250_000, 3), (None, 64)])
def test_cores_are_those_of_the_container(monkeypatch, quota, expected):
    monkeypatch.setattr("dask.system._try_extract_cgroup_cpu_quota", lambda: (quota, quota and 100_000))
    monkeypatch.setattr("dask.system.psutil", None)
    affinity = "process_cpu_count" if sys.version_info >= (3, 13) else "sched_getaffinity"
    monkeypatch.setattr(os, affinity, lambda *_: 64 if sys.version_info >= (3, 13) else range(64), raising=False)
    monkeypatch.setattr("dask.system.LINUX", True)
    assert cores() == expected


def test_kingdoms_are_drawn_on_the_cores_that_there_are(monkeypatch, tmp_path):
    asked, draw = [], datasets._kingdoms.draw
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr(datasets, "cores", lambda: 3)
    monkeypatch.setattr(
        datasets._kingdoms, "draw", lambda **options: asked.append(options["workers"]) or draw(**options)
    )
    datasets.load("kingdoms", size=8, train_per_class=1, test_per_class=1)
    assert asked == [3, 3]


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.one_of(NAMES, st.sampled_from(STRANGE)))
def test_a_folder_may_have_any_name(tmp_path_factory, name):
    name = name.encode()[:200].decode(errors="ignore").strip(". ") or "x"
    folder = tmp_path_factory.mktemp("any") / name
    store, spec = Store(folder), {"treatment": "baseB"}
    store.check()
    with store.claim(spec):
        store.checkpoint(spec).save(Reached({"a": torch.ones(2)}, [], 2))
        run = store.save(spec, [{"epoch": 1}], nn.Sequential(nn.Linear(2, 2)), {"accuracy": 0.5})
    assert fault(run.path) is None and run.path.is_relative_to(folder) and len(run.history) == 1
    assert store.find(spec).accuracy == 0.5 and store.checkpoint(spec).load().epochs == 2


@pytest.mark.parametrize(
    "line", ["why A3B --scale smoke --runs {}", "plan --throughput 9 --dataset folder --data-root {}"]
)
def test_a_tilde_is_the_home_directory(tmp_path, monkeypatch, capsys, line):
    write_tree(tmp_path / LONG / "some folder", list("abcd"), 2, 1)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setattr(
        "sys.argv", ["transferlab", *(f"~/{LONG}/some folder" if each == "{}" else each for each in line.split())]
    )
    assert main() == 0, capsys.readouterr().err
    assert not Path("~").exists()
