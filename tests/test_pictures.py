"""The pictures that are stored are those that the code draws."""

import io
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.pyplot as plt

sys.path.insert(0, str(Path(__file__).parents[1] / "book"))
import drawings

BOOK = Path(drawings.__file__).parent


def test_the_figure_of_the_notation_is_drawn_by_its_script(tmp_path):
    drawn = tmp_path / "figure_1.svg"
    subprocess.run([sys.executable, BOOK / "figure_1.py", drawn], check=True)
    assert drawn.read_bytes() == (BOOK / "assets" / "figure_1.svg").read_bytes()


def test_a_figure_is_slimmed_without_losing_a_word():
    """Places lose their digits beyond a hundredth of a point; words, colours and widths lose nothing."""
    figure, ax = plt.subplots()
    ax.plot([0.123456, 1.23456], [1, 2], color="#0072b2", linewidth=1.2345)
    ax.set_title("0.123456 points  and 3.14159")
    file = io.StringIO()
    with plt.rc_context({"svg.fonttype": "none"}):
        figure.savefig(file, format="svg")
    plt.close(figure)
    whole = file.getvalue()
    for made in (drawings.fixed(whole, dark=False), drawings.inline(whole, "drawing-1", "a line")):
        ElementTree.fromstring(made.replace("var(", "(").replace("xlink:href", "href"))  # noqa: S314 (drawn here)
        assert ">0.123456 points  and 3.14159<" in made and "stroke-width: 1.2345" in made
        lines = re.findall(r' d="([^"]*)"', made)
        assert lines and not re.search(r"\.\d{3}|\n", " ".join(lines))
        assert len(made) < 0.8 * len(whole)
    assert len(re.findall(r' d="', made)) == len(re.findall(r' d="', whole))
