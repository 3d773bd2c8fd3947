"""The built book, and a visit to one of its pages: what was opened, what went wrong, what went out.

The book is the one in TRANSFERLAB_HTML (`make browser-test` builds it at smoke scale).
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page

HTML = Path(os.environ.get("TRANSFERLAB_HTML", "_build/smoke/_build/html")).resolve()
NO_BOOK = f"no built book in {HTML}: run make smoke-book"
PAGES = sorted(
    page.relative_to(HTML).as_posix()
    for page in HTML.rglob("*.html")
    if not page.relative_to(HTML).parts[0].startswith("_") and page != HTML / "index.html"
)

# evaluate what is given with all that is folded open, and fold it again
UNFOLDED = """(() => {
    const hidden = [...document.querySelectorAll('.toggle-hidden')];
    const closed = [...document.querySelectorAll('details:not([open])')];
    const fold = yes => {
        hidden.forEach(part => part.classList.toggle('toggle-hidden', yes));
        closed.forEach(part => { part.open = !yes; });
    };
    fold(false);
    try { return (LOOK)(); } finally { fold(true); }
})()"""


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

    def look(self, width: int = 1280, scheme: str = "light", media: str = "screen") -> Page:
        """Have the page shown on a screen of another width, by the other scheme, or on paper; return it."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(media=media, color_scheme=scheme)
        self.page.mouse.move(0, 0)  # a link that it lies on has another colour
        self.page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
        return self.page

    def unfolded(self, look: str):
        """What a function says of the page, while solutions and other folded parts are open."""
        return self.page.evaluate(UNFOLDED.replace("LOOK", look))

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
