"""A chapter in a real JupyterLab looks as on the page: jupyterlab-myst draws the text, and folds stay folded."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from jupyter_client import BlockingKernelClient
from playwright.sync_api import Error, expect

from transferlab import study
from transferlab.chapters import widgets

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
CHAPTER = "03_selffer_and_transfer.ipynb"
# MyST that nothing has drawn
RAW = r":::|```|\{(?:term|ref|cite|exercise|admonition|solution-start)\}|<AnB|Unknown Directive"
WIDGETS = """from transferlab import study
from transferlab.chapters import widgets
tables = study.published(), study.published("networks_2014")
widgets.small_explorer(*tables)"""


@contextmanager
def jupyterlab(browser, folder: Path, own: Path):
    """A JupyterLab started in `folder`, whose settings and sessions are in `own`: its address, and a browser for it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    places = {name: str(own / name) for name in (*names, "JUPYTERLAB_SETTINGS_DIR")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    options = ["--ServerApp.port_retries=0", "--IdentityProvider.token=", "--LabApp.news_url=None"]
    options += [f"--FileCheckpoints.checkpoint_dir={own / 'checkpoints'}"]  # nothing is written beside the chapters
    settings = own / "JUPYTERLAB_SETTINGS_DIR" / "@jupyterlab" / "docmanager-extension"
    settings.mkdir(parents=True)
    (settings / "plugin.jupyterlab-settings").write_text('{"autosave": false}', encoding="utf-8")
    environment = {**os.environ, **places}
    environment.pop("TRANSFERLAB_RUNS", None)  # the store is found without it
    with (own / "log").open("w") as log:
        server = subprocess.Popen([*command, *options], cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        address, context = f"http://127.0.0.1:{port}", browser.new_context(viewport={"width": 1280, "height": 9000})
        for _ in range(120):
            assert server.poll() is None, (own / "log").read_text(encoding="utf-8")[-2000:]
            try:
                context.request.get(f"{address}/lab")
                break
            except Error:
                time.sleep(0.25)
        yield address, context
        context.close()
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture(scope="module")
def at_root(browser, tmp_path_factory):
    """A JupyterLab started in the repository, and where it keeps its own files."""
    own = tmp_path_factory.mktemp("jupyterlab")
    with jupyterlab(browser, ROOT, own) as opened:
        yield *opened, own


def test_a_chapter_looks_as_on_the_page(at_root):
    """Admonitions, terms and exercises are drawn, not printed; parameters and solutions are folded."""
    address, context, _ = at_root
    page = context.new_page()
    page.goto(f"{address}/lab/tree/notebooks/{CHAPTER}")
    notebook = page.locator(".jp-NotebookPanel")
    notebook.get_by_text("Exercise 3", exact=False).first.wait_for(timeout=120_000)
    notebook.locator("aside", has_text="What you will learn").wait_for()
    # cell after cell is drawn
    expect(notebook).not_to_contain_text(re.compile(RAW), use_inner_text=True, timeout=120_000)
    text = notebook.inner_text()
    assert "a transfer network, AnB" in text and "Exercise 1 (The other control)" in text
    box = notebook.locator("aside", has_text="On the page of the book, networks train here")
    assert box.get_by_role("link", name="the living network").is_visible()
    cells = json.loads((ROOT / "notebooks" / CHAPTER).read_text(encoding="utf-8"))["cells"]
    folded = [cell for cell in cells if cell["metadata"].get("jupyter", {}).get("source_hidden")]
    assert notebook.locator(".jp-InputPlaceholder").count() == len(folded) > 10
    assert len(re.findall(r"Solution\s+to\s+Exercise", text)) == 3
    assert not re.search(r"Both were cut at|specificity = .BnB|moved a tenth of the way", text)


def run_store(address, context, own, path):
    """What the kernel that JupyterLab starts for a chapter says where the run store is."""
    wanted = {"path": path, "type": "notebook", "name": CHAPTER, "kernel": {"name": "python3"}}
    (cookie,) = [each["value"] for each in context.cookies() if each["name"] == "_xsrf"]
    asked = {"data": wanted, "headers": {"X-XSRFToken": cookie}}
    kernel = context.request.post(f"{address}/api/sessions", **asked).json()["kernel"]["id"]
    (connection,) = (own / "JUPYTER_RUNTIME_DIR").glob(f"kernel-{kernel}.json")
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels(hb=False)  # a busy machine misses beats of the heart
    try:
        client.wait_for_ready(timeout=60)
        said = []
        code = "from transferlab.system.files import default_runs\nprint(default_runs())"
        reply = client.execute_interactive(
            code, timeout=120, output_hook=lambda message: said.append(message["content"].get("text", ""))
        )
        assert reply["content"]["status"] == "ok"
    finally:
        client.stop_channels()
    return "".join(said).strip()


def test_a_chapter_finds_the_run_store_of_its_checkout(at_root):
    assert run_store(*at_root, f"notebooks/{CHAPTER}") == str(ROOT / "runs")


def test_it_does_where_jupyterlab_was_started_beside_the_chapters(browser, tmp_path):
    with jupyterlab(browser, ROOT / "notebooks", tmp_path) as (address, context):
        assert run_store(address, context, tmp_path, CHAPTER) == str(ROOT / "runs")


@pytest.mark.nightly
def test_widgets_that_are_not_trusted_say_what_to_do_and_live_ones_have_the_keys(browser, tmp_path):
    """A stored output is a figure with words until its cell is run; then arrow keys move the widget, not the cells."""
    folder, own = tmp_path / "read", tmp_path / "own"
    folder.mkdir(), own.mkdir()
    stored = widgets.small_explorer(study.published(), study.published("networks_2014")).data
    output = nbformat.v4.new_output("display_data", data={"text/html": stored})
    cells = [nbformat.v4.new_code_cell(WIDGETS, outputs=[output]), nbformat.v4.new_code_cell("'the next cell'")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "widgets.ipynb")
    with jupyterlab(browser, folder, own) as (address, context):
        page = context.new_page()
        page.goto(f"{address}/lab/tree/widgets.ipynb")
        widget = page.locator(".jp-OutputArea .tl-widget")
        widget.get_by_text("trust the notebook").wait_for(timeout=120_000)
        assert widget.locator("img").is_visible() and not widget.locator("input").count()

        page.locator(".jp-Notebook .jp-Cell").first.click()
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=120_000)
        page.keyboard.press("Control+Enter")
        slider = widget.get_by_role("slider")
        slider.wait_for(timeout=120_000)
        slider.focus()
        active = page.locator(".jp-Notebook .jp-Cell").nth(0)
        for key, n in (("ArrowDown", 2), ("ArrowDown", 1), ("ArrowUp", 2), ("ArrowRight", 3), ("ArrowRight", 4)):
            page.keyboard.press(key)
            assert slider.get_attribute("aria-valuetext").startswith(f"n = {n}:")
        widget.get_by_label("AnB", exact=True).focus()
        page.keyboard.press("ArrowRight")
        assert widget.get_by_label("BnB+", exact=True).is_checked()
        assert "jp-mod-active" in active.get_attribute("class")
