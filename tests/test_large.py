"""Many networks in one store, and many papermill executions one after another: `make torture` has 2,000 and 1,000.

TRANSFERLAB_NETWORKS and TRANSFERLAB_EXECUTIONS say how many. Each test prints what it tried.
"""

import json
import os
import subprocess
import sys
from statistics import median
from time import perf_counter

import nbformat
import psutil
import pytest

from transferlab.chapters import figures, widgets
from transferlab.notation import CONDITIONS
from transferlab.system.machine import cores

pytestmark = pytest.mark.nightly

NETWORKS = int(os.environ.get("TRANSFERLAB_NETWORKS", "60"))
EXECUTIONS = int(os.environ.get("TRANSFERLAB_EXECUTIONS", "4"))

SWEEP = """
import sys, psutil
from transferlab import Lab

runs, seeds = sys.argv[1], int(sys.argv[2])
lab = Lab(scale="smoke", runs=runs, device="cpu", at_once=1, epochs=1)
for seed in range(seeds):
    lab.sweep(("base", "AnB", "BnB", "BnB+", "AnB+", "random"), (1, 4, 7), seeds=(seed,), targets=("A", "B"))
    print(psutil.Process().memory_info().rss, flush=True)
"""


TABLE = """
from transferlab import Lab
table = Lab(scale="smoke", device="cpu").results()
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
    assert {*CONDITIONS} <= {text.get_text() for text in ax.texts}
    figures.plt.close("all")
    page = widgets.explorer(lab, table.query("split == 'random'"), table.head(0), mine=table[table.seed == 0]).data
    with capsys.disabled():
        print(
            f"\n{len(table)} networks: results() in {median(times):.2f} s, explorer of {len(page) / 1e6:.2f} MB, "
            f"memory grew by {growth:.0f} MiB after the first quarter"
        )
    assert growth < 100
    assert len(page) < 1e6


EXECUTE = """
import json, sys, papermill, psutil

chapter, out, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
me = psutil.Process()
for number in range(times):
    papermill.execute_notebook(chapter, out, {"seed": number}, progress_bar=False)
    if number in ((times - 1) // 2, times - 1):
        ports = [each.laddr.port for each in me.net_connections() if each.laddr]
        print(json.dumps([len(me.children(recursive=True)), len(ports), me.num_fds(), me.num_threads()]), flush=True)
"""


def test_executions_leave_nothing_behind(tmp_path, capsys):
    """No process, port, open file or thread is left by one execution to the next, and nothing on the disk.

    As many programs as there are cores run papermill at the same time, each again and again.
    """
    own = tmp_path / "temporary"
    own.mkdir()
    chapter = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("seed = 0"), nbformat.v4.new_code_cell(TABLE)])
    chapter.cells[0].metadata["tags"] = ["parameters"]
    chapter.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(chapter, tmp_path / "chapter.ipynb")
    times, outs = max(2, EXECUTIONS // cores()), [tmp_path / f"out {program}.ipynb" for program in range(cores())]
    command, started = [sys.executable, "-c", EXECUTE, tmp_path / "chapter.ipynb"], perf_counter()
    places = {**os.environ, "TMPDIR": str(own), "TRANSFERLAB_RUNS": str(tmp_path / "runs")}
    with (tmp_path / "errors.txt").open("w") as errors:
        said = {"stdout": subprocess.PIPE, "stderr": errors, "text": True}
        programs = [subprocess.Popen([*command, out, str(times)], **said, env=places) for out in outs]
    for program, out in zip(programs, outs, strict=True):
        counts = [json.loads(line) for line in program.communicate()[0].splitlines()]
        assert program.returncode == 0, (tmp_path / "errors.txt").read_text()
        halfway, end = counts
        assert halfway == end and end[:2] == [0, 0], "children, ports, open files, threads"
        assert f"seed = {times - 1}" in out.read_text()
    lines = [" ".join(each.info["cmdline"] or []) for each in psutil.process_iter(["cmdline"])]
    assert not [line for line in lines if str(tmp_path) in line]
    assert not list(own.iterdir())
    with capsys.disabled():
        print(
            f"\n{times * cores()} executions in {perf_counter() - started:.0f} s: no process, port, open file, thread "
            "or temporary file left"
        )
