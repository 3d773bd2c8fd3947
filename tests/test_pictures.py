"""The pictures that are stored are those that the code draws."""

import subprocess
import sys
from pathlib import Path

BOOK = Path(__file__).parents[1] / "book"


def test_the_figure_of_the_notation_is_drawn_by_its_script(tmp_path):
    drawn = tmp_path / "figure_1.svg"
    subprocess.run([sys.executable, BOOK / "figure_1.py", drawn], check=True)
    assert drawn.read_bytes() == (BOOK / "assets" / "figure_1.svg").read_bytes()
