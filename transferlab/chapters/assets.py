"""The style sheets and scripts that tables, answers and widgets bring into a page."""

from functools import cache
from pathlib import Path


@cache
def web_file(name: str) -> str:
    """Return the text of a file of the folder `web`."""
    return (Path(__file__).parent / "web" / name).read_text(encoding="utf-8")
