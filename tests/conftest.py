import pytest

# pytest looks for docstrings' examples in whatever it collects: two files of one name, and scripts, are none of it
collect_ignore_glob = ["*conftest.py", "benchmarks/*", "store_outputs.py"]


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A Lab with a run store of its own, which trains in the process of the tests."""
    from transferlab import Lab  # here: what only hands tests out, or starts kernels, need not wait for PyTorch

    return Lab(scale="smoke", runs=tmp_path_factory.mktemp("runs"), at_once=1)


@pytest.fixture
def say(monkeypatch, capsys):
    """Run a command in this process; returns its exit status, its output and its errors."""
    from transferlab import __main__ as command

    def run(line, *more):
        monkeypatch.setattr("sys.argv", ["transferlab", *line.split(), *map(str, more)])
        try:
            status = command.main()
        except SystemExit as stopped:
            status = stopped.code
        return status, *capsys.readouterr()

    return run
