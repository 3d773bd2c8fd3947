"""A Sphinx extension: what no reader's browser asks for is left out of the book, which travels as a folder of files."""

import shutil
from pathlib import Path


def leave_out(app, exception) -> None:
    """Remove maps for the theme's developers, its words in other languages, and fonts that newer files have, too."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    shutil.rmtree(static / "locales", ignore_errors=True)
    for file in [*static.rglob("*.map"), *static.rglob("*.ttf")]:
        if file.suffix == ".map" or file.with_suffix(".woff2").exists():
            file.unlink()


def setup(app) -> dict:
    app.connect("build-finished", leave_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
