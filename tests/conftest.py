import pytest

from transferlab import Lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A Lab with a run store of its own, which trains in the process of the tests."""
    return Lab(scale="smoke", runs=tmp_path_factory.mktemp("runs"), at_once=1)
