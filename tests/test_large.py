"""Many networks in one store, and many papermill executions one after another: `make torture` has 2,000 and 100.

TRANSFERLAB_NETWORKS and TRANSFERLAB_EXECUTIONS say how many. Each test prints what it tried.
"""

import os
import subprocess
import sys
from statistics import median
from time import perf_counter

import nbformat
import psutil

from transferlab import figures, interactive

NETWORKS = int(os.environ.get("TRANSFERLAB_NETWORKS", "60"))
EXECUTIONS = int(os.environ.get("TRANSFERLAB_EXECUTIONS", "2"))

SWEEP = """
import sys, psutil
import transferlab.lab
from transferlab import Lab

runs, seeds = sys.argv[1], int(sys.argv[2])
transferlab.lab.cores = lambda: 1
lab = Lab(scale="smoke", runs=runs, device="cpu", epochs=1)
for seed in range(seeds):
    lab.sweep(("base", "AnB", "BnB", "BnB+", "AnB+", "random"), (1, 4, 7), seeds=(seed,), targets=("A", "B"))
    print(psutil.Process().memory_info().rss, flush=True)
"""


def test_many_networks_in_one_store(tmp_path, capsys):
    from transferlab import Lab

    seeds = max(2, NETWORKS // 32)
    command = [sys.executable, "-c", SWEEP, str(tmp_path), str(seeds)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    memory = [int(line) / 2**20 for line in said.split()]
    growth = memory[-1] - memory[len(memory) // 4]
    lab, times = Lab(scale="smoke", runs=tmp_path, device="cpu", epochs=1), []
    for _ in range(3):
        started = perf_counter()
        table = lab.results()
        times.append(perf_counter() - started)
    assert len(table) == 32 * seeds
    ax = figures.accuracy_over_n(table)
    assert len(ax.get_legend().get_texts()) == 6
    figures.plt.close("all")
    page = interactive.explorer(lab, table.query("split == 'random'"), table.head(0), mine=table[table.seed == 0]).data
    with capsys.disabled():
        print(
            f"\n{len(table)} networks: results() in {median(times):.2f} s, explorer of {len(page) / 1e6:.2f} MB, "
            f"memory grew by {growth:.0f} MiB after the first quarter"
        )
    assert growth < 100
    assert len(page) < 1e6


def test_executions_leave_nothing_behind(tmp_path, capsys):
    own = tmp_path / "temporary"
    own.mkdir()
    chapter = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("seed = 0"), nbformat.v4.new_code_cell("seed")])
    chapter.cells[0].metadata["tags"] = ["parameters"]
    chapter.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(chapter, tmp_path / "chapter.ipynb")
    command = [sys.executable, "-m", "papermill", tmp_path / "chapter.ipynb", tmp_path / "out.ipynb", "-p", "seed"]
    for number in range(EXECUTIONS):
        environment = {**os.environ, "TMPDIR": str(own)}
        subprocess.run([*command, str(number)], check=True, capture_output=True, env=environment)
    lines = [" ".join(each.info["cmdline"] or []) for each in psutil.process_iter(["cmdline"])]
    assert not [line for line in lines if str(tmp_path) in line]
    assert not list(own.iterdir())
    with capsys.disabled():
        print(f"\n{EXECUTIONS} executions: no process and no temporary file left")
