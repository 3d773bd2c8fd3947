import subprocess
import sys

import pytest


@pytest.mark.nightly  # ten seconds of two cores; test_processes has a sweep in processes at every change
def test_a_plain_script_with_relative_paths_can_sweep(tmp_path):
    """No `if __name__ == "__main__"`, a relative run store, in a folder with a space: workers use the same store."""
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "script.py").write_text(
        "from transferlab import Lab\n"
        "table = Lab(scale='smoke', runs='mine', at_once=2).sweep(conditions=('AnB',), layers=(6, 7))\n"
        "print(len(table))\n"
    )
    done = subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "4"
    assert len(list((folder / "mine" / "networks").iterdir())) == 4
