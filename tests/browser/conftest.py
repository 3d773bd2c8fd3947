"""A browser for the tests, and the book served over http."""

import functools
import http.server
import sys
import tarfile
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from visits import HTML

from transferlab.system import npm

sys.path.insert(0, str(Path(__file__).parents[2] / "book"))  # for its scripts
AXE = "4.14.1"
AXE_SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def http_root():
    handler = functools.partial(QuietHandler, directory=str(HTML))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    from pdf import FLAGS, chromium

    executable = chromium()
    if executable is None:
        pytest.skip("no Chromium here: neither chromium, chromium-browser nor google-chrome is on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The source of axe-core, which looks for what shuts readers out; from npm, pinned like the book's own assets."""
    try:
        archive = npm.fetch(npm.Pinned("axe-core", AXE, AXE_SHA512), tmp_path_factory.mktemp("axe"))
    except OSError as error:
        pytest.skip(f"axe-core is not here: {error}")
    with tarfile.open(archive) as tar:
        return tar.extractfile("package/axe.min.js").read().decode()
