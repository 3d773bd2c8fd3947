"""Ctrl-C, as terminals and Jupyter send it: to every process of the group. A sweep ends at once, wherever it runs."""

import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest
from jupyter_client import KernelManager

SECONDS = 10  # within which a sweep must have ended: a machine at rest needs 1 to 3, the trainings would take minutes
LAB = "from transferlab import Lab\nlab = Lab(scale='smoke', runs={runs!r}, device='cpu', epochs=500, {more})\n"
SWEEP = LAB + "lab.sweep(('base', 'AnB'), (1,), seeds=range(4))"
THREADS = (
    LAB
    + "from transferlab.parallel import threads\n"
    + "from transferlab.store.sweeps import sweep_jobs\n"
    + "jobs = sweep_jobs(('base', 'AnB'), (1,), 'random', range(4), ('B',))\n"
    + "threads.in_parallel(lambda job: lab.run(*job).accuracy, jobs, 2, print)"
)
WAYS = {
    "in this process": (SWEEP, "at_once=1"),
    "in processes": (SWEEP, "at_once=2"),
    "in threads": (THREADS, ""),
}


def until_training(runs, alive):
    """Wait until a network has been trained for an epoch."""
    end = time.monotonic() + 120
    while not any(runs.glob("checkpoints/*/*.safetensors")):
        assert alive() and time.monotonic() < end
        time.sleep(0.05)


def nothing_left(processes, runs):
    """No process, nothing half-written; and each network that was being trained can go on from where it was."""
    _, alive = psutil.wait_procs(processes, timeout=SECONDS)
    assert not alive
    assert not list(runs.glob("networks/.writing-*"))
    assert any(runs.glob("checkpoints/*/*.safetensors"))


def started(command, **options):
    """A program in a session of its own, as in a terminal of its own; a test runner may have SIGINT ignored."""
    return subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        **options,
    )


def interrupted(program, runs):
    """Send Ctrl-C to a program's group once it trains; returns how long it went on, and what it said."""
    until_training(runs, lambda: program.poll() is None)
    others = psutil.Process(program.pid).children(recursive=True)
    begun = time.monotonic()
    os.killpg(program.pid, signal.SIGINT)
    said = program.communicate(timeout=60)[1]
    seconds = time.monotonic() - begun
    nothing_left(others, runs)
    return seconds, said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups that share signals")
@pytest.mark.parametrize(
    "way", ["in threads", *(pytest.param(way, marks=pytest.mark.nightly) for way in WAYS if way != "in threads")]
)
def test_a_sweep_ends_as_a_plain_keyboard_interrupt(tmp_path, way):
    script, more = WAYS[way]
    program = started([sys.executable, "-c", script.format(runs=str(tmp_path), more=more)])
    seconds, said = interrupted(program, tmp_path)
    assert program.returncode in (-signal.SIGINT, 1, 130)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert len(re.findall("Traceback", said)) == 1, said  # no "during handling of the above exception"
    assert seconds < SECONDS


@pytest.mark.nightly
def test_a_live_notebook_is_interrupted(tmp_path):
    """Jupyter's Interrupt signals the kernel's whole group."""
    manager = KernelManager()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        asked = client.execute(SWEEP.format(runs=str(tmp_path), more="at_once=2"))
        until_training(tmp_path, manager.is_alive)
        others = psutil.Process(manager.provisioner.pid).children(recursive=True)
        begun = time.monotonic()
        manager.interrupt_kernel()
        while (reply := client.get_shell_msg(timeout=30))["parent_header"].get("msg_id") != asked:
            pass
        assert time.monotonic() - begun < SECONDS
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        nothing_left(others, tmp_path)
        again = client.execute_interactive("print(lab.store.root)", timeout=30, output_hook=lambda message: None)
        assert again["content"]["status"] == "ok"  # the kernel lives
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
