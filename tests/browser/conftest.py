"""A browser for the tests, and the book served over http."""

import functools
import http.server
import sys
import tarfile
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from visits import HTML, NO_BOOK, PAGES, Visit

from transferlab.system import npm

sys.path.insert(0, str(Path(__file__).parents[2] / "book"))  # for its scripts
AXE = "4.14.1"
# Each window has a process for what its address bar might suggest, 0.2 s of CPU. Chromium heeds the last switch of a
# name, so that what Playwright switches off is said again.
OFF = (
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect", "TcpPortRandomizationWin", "OptimizationHints", "NetworkTimeServiceQuerying",
    "AimEnabled", "PreconnectToSearch",
)  # fmt: skip
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
        switches = [*FLAGS, f"--disable-features={','.join(OFF)}"]
        browser = playwright.chromium.launch(executable_path=executable, args=switches)
        yield browser
        browser.close()


@pytest.fixture(scope="session", params=PAGES or [pytest.param("none", marks=pytest.mark.skip(reason=NO_BOOK))])
def page_name(request):
    """Each page of the book; all tests of one page follow each other, and look at the same two visits."""
    if not HTML.exists():
        pytest.skip(NO_BOOK)
    return request.param


@pytest.fixture(scope="session")
def desk(browser, page_name):
    """The page, opened from the disk on a wide, light screen. A test leaves it as it found it, but for its look."""
    with Visit(browser, (HTML / page_name).as_uri(), until="load") as visit:
        yield visit
        assert not visit.problems


@pytest.fixture(scope="session")
def phone(browser, http_root, page_name):
    """The page, opened over http on a narrow, dark screen."""
    with Visit(browser, f"{http_root}/{page_name}", width=360, until="load", scheme="dark") as visit:
        yield visit
        assert not visit.problems


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in this hook as well
def pytest_collection_modifyitems(config, items):
    """Side by side, a process takes the tests of a page, or those of a file, which share what they open; files first.

    A page takes seconds, so that no process has much left to do when the others are done.
    """

    def page(item):
        return item.callspec.params.get("page_name", "") if hasattr(item, "callspec") else ""

    mine = [item for item in items if item.path.parent == Path(__file__).parent]
    if config.pluginmanager.hasplugin("xdist"):
        for item in mine:
            item.add_marker(pytest.mark.xdist_group(page(item) or item.path.stem))
    if len(mine) == len(items):
        items.sort(key=lambda item: bool(page(item)))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    """What shares a page must be in one process: without groups, each test would open its own."""
    if getattr(session.config.option, "loadgroup", False) and not all("@" in item.nodeid for item in session.items):
        raise pytest.UsageError("this pytest ignores the groups of pytest-xdist: install requirements.txt")


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The source of axe-core, which looks for what shuts readers out; from npm, pinned like the book's own assets."""
    try:
        archive = npm.fetch(npm.Pinned("axe-core", AXE, AXE_SHA512), tmp_path_factory.mktemp("axe"))
    except OSError as error:
        pytest.skip(f"axe-core is not here: {error}")
    with tarfile.open(archive) as tar:
        return tar.extractfile("package/axe.min.js").read().decode()
