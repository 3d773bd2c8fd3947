import pytest

from transferlab import Lab

# pytest looks for docstrings' examples in whatever it collects: two files of one name, and scripts, are none of it
collect_ignore_glob = ["*conftest.py", "benchmarks/*", "store_outputs.py"]


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A Lab with a run store of its own, which trains in the process of the tests."""
    return Lab(scale="smoke", runs=tmp_path_factory.mktemp("runs"), at_once=1)
