"""The built book, and a visit to one of its pages: what was opened, what went wrong, what went out.

The book is the one in TRANSFERLAB_HTML (`make browser-test` builds it at smoke scale).
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page

HTML = Path(os.environ.get("TRANSFERLAB_HTML", "_build/smoke/_build/html")).resolve()
NO_BOOK = f"no built book in {HTML}: run make smoke-book"


class Visit:
    """A page that was opened, and what went wrong or went out while it was."""

    def __init__(self, browser, url: str, width: int = 1280, until: str = "networkidle", scheme: str = "light"):
        size = {"width": width, "height": 900}
        self.context = browser.new_context(viewport=size, color_scheme=scheme, service_workers="block")
        self.page: Page = self.context.new_page()
        self.problems: list[str] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        self.page.on("requestfailed", lambda request: self.problems.append(f"failed: {request.url}"))
        self.page.on("request", self._on_request)
        self.origin = urlsplit(url)[:2]
        self.page.goto(url, wait_until=until)

    def _on_console(self, message):
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def _on_request(self, request):
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob", "about") and address[:2] != self.origin:
            self.problems.append(f"request to another host: {request.url}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()
