"""Programs beside this one that decode images, so that every core has work.

They are started as programs, not by `multiprocessing`, which would first run the script again that called `prepare`.
Each reads calls from its standard input, as a line of JSON each, answers with a line, and ends when its input does. A
decoder in C can take its program with it: then the image that it died over is left out, and another program goes on.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from queue import SimpleQueue

from transferlab.system.files import search_path

READY = "ready"
DEATHS = 10  # more than so many are no matter of single images
PROGRAM = "from transferlab.datasets import decoders, prepare; decoders.serve(prepare.decode_chunk)"

Submit = Callable[[list[tuple]], Iterator[int]]


@contextmanager
def decoders(
    workers: int, decode: Callable[..., int], leave_out: Callable[[tuple], str], program: str = PROGRAM
) -> Iterator[Submit]:
    """Give a function that makes calls of `decode` and yields their results, in any order.

    Args:
        workers: how many calls are made at a time. One is made in this process; more are each made by a program.
        decode: what is called with each tuple of arguments.
        leave_out: marks the image that a program died over, given the call's arguments, and names it.
        program: the Python code of such a program; it must end in `serve`.

    Raises:
        RuntimeError: if programs cannot be started, or keep dying.
    """
    if workers <= 1:
        yield lambda calls: (decode(*call) for call in calls)
        return
    pool = _Pool(workers, leave_out, program)
    try:
        yield pool.results
    finally:
        pool.end()


def serve(decode: Callable[..., int]) -> None:
    """Answer calls from standard input until it ends."""
    print(READY, flush=True)
    for line in sys.stdin:
        print(json.dumps(decode(*json.loads(line))), flush=True)


class _Pool:
    """As many programs as workers, and a thread for each that waits for its answers."""

    def __init__(self, workers: int, leave_out: Callable[[tuple], str], program: str):
        self.leave_out, self.program = leave_out, program
        self.deaths, self.ended = 0, False
        self.idle: SimpleQueue[_Program | None] = SimpleQueue()
        self.programs: list[_Program] = []
        self.workers, self.threads = workers, ThreadPoolExecutor(workers)
        for _ in range(workers):
            self._start()

    def _start(self) -> None:
        self.programs.append(_Program(self.program))
        self.idle.put(self.programs[-1])

    def results(self, calls: list[tuple]) -> Iterator[int]:
        """Yield the results of calls as they come."""
        for finished in as_completed([self.threads.submit(self._make, call) for call in calls]):
            yield finished.result()

    def _make(self, call: tuple) -> int:
        while program := self.idle.get():
            answer = program.ask(call)
            if answer:
                self.idle.put(program)
                return json.loads(answer)
            if self.ended:
                break
            if not program.ready:
                raise RuntimeError("the programs that decode could not be started; their own message is above")
            self.deaths += 1
            named = self.leave_out(call)
            if self.deaths > DEATHS:
                raise RuntimeError(f"the programs that decode keep dying, the last one over {named}")
            self._start()
        raise RuntimeError("decoding was stopped")

    def end(self) -> None:
        """End all programs. Every finished image is complete, so they may be killed."""
        self.ended = True
        self.threads.shutdown(wait=False, cancel_futures=True)
        for _ in range(self.workers):
            self.idle.put(None)
        for program in self.programs:
            program.end()
        self.threads.shutdown()


class _Program:
    """One program; `ready` once it has said so."""

    def __init__(self, code: str):
        self.ready = False
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="ascii",  # JSON
            env={**os.environ, "PYTHONPATH": search_path()},
            start_new_session=True,  # Ctrl-C is for the program that started it
        )

    def ask(self, call: tuple) -> str:
        """Return the answer to a call; nothing if the program has died."""
        assert self.process.stdin and self.process.stdout  # they are pipes
        self.ready = self.ready or self.process.stdout.readline().strip() == READY
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(call) + "\n")
            self.process.stdin.flush()
            return self.process.stdout.readline()
        return ""

    def end(self) -> None:
        """Kill the program, if it still runs."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
