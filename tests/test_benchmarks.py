"""The parts of the benchmarks at a size of seconds, so that they do not rot. Here their numbers mean nothing."""

import copy
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from in_process import execute

from transferlab import Lab, networks, training
from transferlab.chapters import batch
from transferlab.system.machine import one_thread

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    """The benchmarks are scripts, no package: they import each other from their own folder. Here on one core each."""
    for folder in ("tests/benchmarks", "book"):
        monkeypatch.syspath_prepend(ROOT / folder)
    with one_thread():
        yield


@pytest.fixture
def task(lab):
    """Task B with two batches of images."""
    whole, few = lab.task("B"), slice(None, None, 5)
    parts = ("train_images", "train_labels", "test_images", "test_labels")
    return replace(whole, **{part: getattr(whole, part)[few] for part in parts})


@pytest.mark.parametrize("frozen", [0, 3, 7])
def test_with_every_lever_the_loop_is_that_of_the_lab(lab, task, frozen):
    import levers
    import loop

    everything = levers.configurations(lab.recipe.precision)["everything"]
    ours = networks.build("mini", len(task.classes), 32, seed=1)
    theirs = copy.deepcopy(ours)
    once, seconds = loop.train(ours, frozen, task, lab.recipe, everything)
    training.train(theirs, frozen, task, lab.recipe, seed=0)
    assert once > 0
    assert len(seconds) == lab.recipe.epochs
    for one, other in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_every_lever_trains_alone_and_missing(lab, task):
    import levers
    import loop

    every = levers.configurations("bfloat16")
    assert len(every) == 2 * len(levers.NAMES) + 4
    for name, switches in every.items():
        for frozen in (0, 3, 6):
            network = networks.build("mini", len(task.classes), 32, seed=1)
            before = network.fc8.fc.weight.clone()
            loop.train(network, frozen, task, replace(lab.recipe, epochs=1), switches)
            assert not torch.equal(network.fc8.fc.weight, before), name
        assert levers.describe(name)


@pytest.mark.nightly
def test_levers_are_measured_in_processes_of_their_own(lab, monkeypatch, capsys):
    import levers

    monkeypatch.setattr(levers, "cores", lambda: 2)
    every = levers.configurations(lab.recipe.precision)
    rows = levers.measure("everything", every["everything"], lab, (0, 6), epochs=1, workers=0)
    assert [row["frozen"] for row in rows] == [0, 6]
    assert all(0 < row["images_per_second"] < row["epoch_rate"] for row in rows)
    table = [{"lever": name, "repetition": 0, **row} for name in every for row in rows]
    levers.report(pd.DataFrame(table))
    assert "everything is 1.00 (1.00 to 1.00) times as fast as Lab, within 10 %" in capsys.readouterr().out


def test_processes_start_with_the_variables_that_dask_gives_them():
    import loop
    from levers import environment

    assert environment(loop.Levers()) == {}
    assert environment(loop.Levers(processes=True))["MALLOC_TRIM_THRESHOLD_"] == "65536"
    kept = environment(loop.Levers(processes=True, malloc=True))
    assert (kept["MALLOC_TRIM_THRESHOLD_"], kept["OMP_NUM_THREADS"]) == (str(2**32), "1")
    assert "OMP_NUM_THREADS" not in environment(loop.Levers(malloc=True))


def test_the_sweep_by_hand_and_its_report(lab, monkeypatch, tmp_path):
    import place
    import sweep

    monkeypatch.setattr(place, "RESULTS", tmp_path)
    operations = [sweep.flops(lab.recipe, 40, frozen) for frozen in range(8)]
    assert operations == sorted(operations, reverse=True)
    rates = sweep.matmul_rates()
    assert rates["float32"] > 0
    rows = sweep.by_hand(lab, workers=0)
    assert [row["what"] for row in rows] == ["base", *["AnB"] * 7, "sweep"]
    table = pd.DataFrame([*rows, *({**row, "how": "ours"} for row in rows)])
    sweep.report(lab, table.assign(repetition=0), rates, workers=0)
    assert len(pd.read_csv(place.table("speed.csv"))) == 18
    assert [path.name for path in tmp_path.iterdir()] == ["machines"]


def test_emoji_are_drawn_as_pillow_draws_them_one_by_one():
    import emoji

    from transferlab.datasets import emoji as ours

    some = emoji.designs(3)
    images, labels = ours._draw(some, np.arange(3), emoji.DRAWS, emoji.SIZE, 0)
    apart = np.abs(images.astype(int) - emoji.one_by_one(some))
    assert len(labels) == 3 * emoji.SETS * emoji.DRAWS and apart.mean() < 1 and np.quantile(apart, 0.999) <= 4
    table = emoji.summary(emoji.measure(2, 2)).set_index("how")
    assert table.ratio[emoji.OURS] == 1 and (table.lowest > 0).all()


def test_surroundings_are_measured_and_judged(monkeypatch, tmp_path):
    import surroundings

    assert surroundings.importing("import json") > 0
    monkeypatch.setattr(surroundings, "importing", lambda statements: 0.1)
    lab = Lab(scale="smoke", runs=tmp_path)
    surroundings.fill(lab, 20)
    assert len(lab.results()) == 20
    assert lab.results().base_accuracy.notna().all()
    large = {what: surroundings.runs_of(tmp_path / what, 1, count=2) for what in surroundings.LOOKS.values()}
    rows = surroundings.repeat(lambda: surroundings.once(lab, per_class=1) | surroundings.look(large), 3)
    table = surroundings.summary(rows)
    assert set(table.what) == set(surroundings.GOALS) - {surroundings.BOOK}
    assert table.set_index("what").met[surroundings.DRAWING]


@pytest.mark.nightly
def test_the_script_for_a_gpu_at_tiny_size(monkeypatch, tmp_path):
    import gpu

    begin = ["gpu.py", "--out", str(tmp_path), "--device", "cpu", "--tiny", "--parts"]
    for part in ("sweep", "soak", "caffenet", "large"):
        monkeypatch.setattr("sys.argv", [*begin, part])
        gpu.main()
    (folder,) = tmp_path.glob("*/gpu_card.csv")
    tables = {path.stem: pd.read_csv(path) for path in folder.parent.iterdir()}
    assert all(table.hardware.notna().all() and table.measured_at.notna().all() for table in tables.values())
    assert len(tables["gpu_networks"]) == 3 and tables["gpu_sweep"].differing.max() == 0
    assert list(tables["gpu_soak"].differing) == [0, 0] and tables["gpu_soak_networks"].weights.nunique() == 4
    assert set(tables["gpu_agreement"].condition) == {"all", "base", "AnB"}
    assert (tables["gpu_caffenet"].images_per_second > 0).all() and len(tables["gpu_caffenet_medians"]) == 5
    assert len(tables["gpu_large"]) == 4 and tables["gpu_large"].run.is_unique


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # its time may end in the middle of an open()
def test_the_large_study_ends_in_time_and_goes_on(monkeypatch, tmp_path, capsys):
    import gpu

    command = ["gpu.py", "--out", str(tmp_path), "--device", "cpu", "--tiny", "--parts", "large", "--minutes"]
    for minutes, said in (("0.00001", "goes on from here\n0 networks"), ("5", "4 networks")):
        monkeypatch.setattr("sys.argv", [*command, minutes])
        gpu.main()
        assert said in capsys.readouterr().out


def test_a_part_of_the_script_for_a_gpu_that_fails_does_not_cost_the_others(monkeypatch, tmp_path):
    import gpu

    asked = []

    def run(command, **options):
        asked.append(command[-1])
        return subprocess.CompletedProcess(command, command[-1] == "soak")

    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr("sys.argv", ["gpu.py", "--out", str(tmp_path), "--device", "cpu", "--tiny"])
    with pytest.raises(SystemExit, match="failed: soak"):
        gpu.main()
    assert asked == ["sweep", "soak", "caffenet", "large"]


def test_the_costs_are_those_of_the_readme(monkeypatch, tmp_path):
    import costs

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert costs.markdown(pd.read_csv(costs.PATH)) in readme
    monkeypatch.setattr(costs, "PATH", tmp_path / "costs.csv")
    monkeypatch.setattr(costs, "ROWS", costs.ROWS[:1])
    costs.main()
    assert "Kingdoms, `laptop`" in costs.markdown(pd.read_csv(costs.PATH))


def test_what_chapters_cost_is_measured_and_other_rows_stay(monkeypatch, tmp_path):
    import chapter_costs

    def run(chapters, parameters, out):
        """In this process, without a kernel."""
        for chapter in chapters:
            execute(chapter, {**parameters, "layers": [4]}, out)
        return pd.DataFrame([(chapter.stem, 6.0, "") for chapter in chapters], columns=["chapter", "seconds", "error"])

    table, runs = tmp_path / "chapters.csv", tmp_path / "runs"
    here = f"{chapter_costs.hardware('cpu')}, {chapter_costs.cores()} cores"
    pd.DataFrame(
        [(1, 0, 0.1, 0.1, "elsewhere"), (2, 9, 9, 9, here), (10, 0, 0.2, 0.1, here)],
        columns=["chapter", "networks trained", "minutes, first time", "minutes, again", "machine"],
    ).to_csv(table, index=False)
    monkeypatch.setattr(batch, "run", run)
    command = ["chapter_costs.py", "--scale", "smoke", "--runs", str(runs), "--out", str(table), "02"]
    monkeypatch.setattr("sys.argv", command)
    chapter_costs.main()
    rows = pd.read_csv(table)
    assert rows.machine[0] == "elsewhere" and list(rows.chapter) == [1, 2, 10], "chapter 10 was not asked for"
    assert rows.chapter[1] == 2 and 2 <= rows["networks trained"][1] < 9
    assert rows["minutes, first time"][1] == rows["minutes, again"][1] == 0.1
    with pytest.raises(SystemExit, match="the first time can only be measured in an empty store"):
        chapter_costs.main()
    assert pd.read_csv(table).equals(rows)
