"""What the book must not do: python book/check.py BUILD, where BUILD is the folder that Jupyter Book wrote.

Fails, with a line for each fault, if a chapter shows an error or an empty figure, if its prose has a measured number
that no cell produced, or compares results in words that no cell chose, if a link leads nowhere, or if a published row
is stale: today's code, data and recipes would file that network under another name, or a network in the run store has
another accuracy than its row. `make book` trains some of the published networks, so that a fresh clone trains a sample
of the tables again.
"""

import os
import re
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit
from xml.etree import ElementTree

import audit
import nbformat
import pandas as pd

from transferlab import Lab, study
from transferlab.datasets.emoji.prepared import is_ready
from transferlab.notation import Job
from transferlab.store import Run, Store
from transferlab.study import few_images, shapes, tuning

ROOT = Path(__file__).parents[1]
MEASURED = re.compile(r"(?<![\w.,$(/\[-])[+−-]?\d+(?:\.\d+)?\s?(?:%|points?\b|percent\b|seconds\b|minutes\b|hours\b)")
# confidence levels, what others published, and what an exercise asks
ALLOWED = re.compile(r"95 %|2014|paper|Table \d|\{exercise\}", re.IGNORECASE)
# results compared in words: which of two conditions or tasks is the better, harder, larger one
THINGS = r"base ?[AB]|bases?|[AB]n?[1-7]?[AB]\+*|random|transfer|selffers?|scratch|tasks?|hal(?:f|ves)|kingdoms?"
THINGS += "|natural|man-made"
MORE = r"(?:\w{2,}er|more|less|worse)\b[^.?!;:]{0,60}?\bthan|as (?:hard|easy|good|bad|high|low|large|accurate|much) as"
COMPARED = re.compile(rf"\b(?:{THINGS})\b[^.?!;:]*?\b(?:{MORE})\b", re.IGNORECASE)
RESULTS = ("The experiment", "The answer")  # the sections of a chapter in which a comparison is a result
SVG = "{http://www.w3.org/2000/svg}"
ELSEWHERE = 0.02  # how far accuracies of one network may lie apart on two kinds of machine
LIMIT = 25  # megabytes of a built book


def outputs(notebook: nbformat.NotebookNode, name: str) -> Iterator[str]:
    """Errors and empty figures."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                yield f"{name}: a cell ends with {output.ename}: {output.evalue}"
            picture = output.get("data", {}).get("image/svg+xml")
            if picture and empty(picture):
                yield f"{name}: an empty figure, below: {cell.source.splitlines()[-1]}"


def empty(svg: str) -> bool:
    """Whether a figure of matplotlib has nothing in it: no axes, or axes with nothing in their frames but a title."""
    root = ElementTree.fromstring(svg)  # noqa: S314 (the book's own figures)
    groups = [group for group in root.iter(f"{SVG}g") if "axes_" in group.get("id", "")]
    return not any(map(_has_marks, groups))


def _has_marks(axes: ElementTree.Element) -> bool:
    """Whether something is drawn in the frame of axes. A line through NaN alone has an empty path."""
    patches, texts = [], 0
    for child in axes:
        kind = child.get("id", "").rpartition("_")[0]
        paths = [path.get("d", "").split() for path in child.iter(f"{SVG}path")]
        if kind == "patch":
            patches += paths
        elif kind == "text":
            texts += 1
        elif kind not in ("matplotlib.axis", "legend") and (any(paths) or [*child.iter(f"{SVG}image")]):
            return True
    # the first patch is the ground, and a spine is a line from one point to another
    return texts > 1 or any(path.count("L") != 1 for path in patches[1:])


def prose(text: str, name: str) -> Iterator[str]:
    """Measured numbers, with a unit, that are typed. Code, formulas and the like are no prose."""
    text = re.sub(r"^(`{3,}|:{3,})(?!\{exercise)[^\n]*\n.*?^\1\s*$", "", text, flags=re.DOTALL | re.MULTILINE)
    for paragraph in own_words(re.sub(r"`[^`]*`|\$[^$]*\$", "", text)):
        yield from (f"{name}: a number that no cell produced: {found[0]}" for found in MEASURED.finditer(paragraph))


def own_words(text: str) -> Iterator[str]:
    """The paragraphs that are not about what others published, or what an exercise asks."""
    return (paragraph for paragraph in re.split(r"\n\s*\n", text) if not ALLOWED.search(paragraph))


def comparisons(sections: str, name: str) -> Iterator[str]:
    """Results that are compared in words in the `sections` of a chapter that show them, but that no cell computed.

    Questions, conditions, quotations of the paper and exercises are no results.
    """
    text = re.sub(r"^(`{3,}|:{3,})[^\n]*\n.*?^\1\s*$", "", sections, flags=re.DOTALL | re.MULTILINE)
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    shown = [part for title, part in zip(parts[1::2], parts[2::2], strict=True) if title in RESULTS]
    paragraphs = [" ".join(each.split()) for part in shown for each in own_words(part)]
    for sentence in (each for paragraph in paragraphs for each in re.split(r"(?<=[.!?:])\s+", paragraph)):
        if COMPARED.search(sentence) and not re.match(r"(?:If|Whether)\b|.*\?$", sentence):
            yield f"{name}: a comparison that no cell computed: {sentence}"


class Anatomy(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self):
        super().__init__()
        self.links, self.anchors = [], set()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors |= {attributes.get("id"), attributes.get("name")}
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])


def dead(link: str, page: Path, anchors: Callable[[Path], Collection[str]]) -> bool:
    """Whether a link of a page leads nowhere. `anchors` gives those of a page; links to hosts are not followed."""
    address, anchor = urldefrag(link)
    if scheme := urlsplit(link).scheme:
        return scheme not in ("https", "mailto")
    target = (page.parent / unquote(address)).resolve() if address else page
    return not target.exists() or bool(anchor and target.suffix == ".html" and unquote(anchor) not in anchors(target))


def links(html: Path) -> Iterator[str]:
    """Links between pages that lead nowhere."""
    html, pages = html.resolve(), {}
    for path in html.rglob("*.html"):
        pages[path] = Anatomy()
        pages[path].feed(path.read_text(encoding="utf-8"))
    for path, page in pages.items():
        name = path.relative_to(html)
        if not name.parts[0].startswith("_"):  # those are the theme's
            wrong = [link for link in page.links if dead(link, path, lambda other: pages[other].anchors)]
            yield from (f"{name}: a link that leads nowhere: {link}" for link in wrong)


def weight(html: Path, limit: float = LIMIT) -> Iterator[str]:
    """Yield a line if a built book, with all that its pages load, has more megabytes than `limit`."""
    size = sum(file.stat().st_size for file in html.rglob("*") if file.is_file()) / 1e6
    if size > limit:
        yield f"the book is {size:.1f} MB, and a reader may wait for no more than {limit:g}"


def rows(store: Store, results: Path = study.RESULTS) -> Iterator[str]:
    """Stale rows of the published tables, and rows that a network in the store contradicts."""
    trained = {run.path.name: run for run in store.runs()}
    for name, published in study.STUDIES.items():
        table = study.read(results / f"{name}.csv")
        if len(table) and (published.dataset != "emoji" or is_ready()):  # a book is built without its images
            options = {"device": "cpu", "precision": study.PRECISION, **published.changes}
            lab = Lab(published.dataset, runs=store.root, **options)
            yield from stale(name, table, lab, published.jobs(), trained)
    few, tried = few_images.read(results / "few_images.csv"), tuning.read(results / "tuning.csv")
    whole = Lab(runs=store.root, device="cpu", precision=study.PRECISION)
    for (images, target), table in few.groupby(["images", "target"]):
        lab = whole.changed(**tuning.recipe(images, tuning.best(tried, images), target))
        parts = [part for part in few_images.parts() if (part.images, part.target) == (images, target)]
        yield from stale("few_images", table, lab, [job for part in parts for job in part.jobs()], trained)
    for name, search in shapes.SEARCHES.items():
        table = study.read(results / f"{name}.csv")
        if len(table) and (search.dataset != "emoji" or is_ready()):
            tried = shapes.read_tried(results / f"{shapes.tuning_table(name)}.csv")
            lab = shapes.laboratory(name, tried, runs=store.root, device="cpu")
            yield from stale(name, table, lab, shapes.STUDY.jobs(), trained)


def stale(name: str, table: pd.DataFrame, lab: Lab, listed: list[Job], trained: dict[str, Run]) -> Iterator[str]:
    """The rows of a table that are none of the networks `listed` as the Lab would train them now, or contradicted.

    Emoji is looked at as if the images of the table's first row were here: another machine draws them with another
    digest. Code and recipe are checked all the same.
    """
    if lab.data.name == "emoji":
        lab.data = replace(lab.data, fingerprint=table.data.iloc[0])
    jobs = {job: lab.store.path(lab.spec(*job)).name for job in listed}
    for row in table.itertuples():
        if jobs.get((row.network, row.split, row.seed)) != row.run:
            yield f"{name}.csv: {row.network}, {row.split}, seed {row.seed} is stale; make study STUDY={name}"
        run = trained.get(row.run)
        if run:
            same = (run.result["hardware"], run.result["torch"]) == (row.hardware, row.torch)
            if abs(run.accuracy - row.accuracy) > (1e-9 if same else ELSEWHERE):
                yield f"{name}.csv: {row.network}, {row.split}, seed {row.seed}: {row.accuracy}, now {run.accuracy}"


def verdicts(results: Path = study.RESULTS) -> Iterator[str]:
    """A CSV of all verdicts that is not what the published tables say."""
    if not audit.same(audit.written(results), audit.computed(results)):
        yield "audit.csv is not what the published tables say; python book/audit.py"


def main() -> int:
    build = Path(sys.argv[1])
    if not (build / "html").is_dir():
        raise SystemExit(f"error: {build} holds no book; give the folder _build that make book writes")
    faults = [*links(build / "html"), *weight(build / "html")]
    for path in sorted((build / "jupyter_execute").rglob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        faults += outputs(notebook, path.name)
        words = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
        for text in words:
            faults += prose(text, path.name)
        faults += comparisons("\n\n".join(words), path.name)
    for path in sorted((ROOT / "book").glob("*.md")):
        faults += prose(path.read_text(encoding="utf-8"), path.name)
    faults += rows(Store(os.environ.get("TRANSFERLAB_RUNS") or ROOT / "runs"))
    faults += verdicts()
    print("\n".join(faults) or "The book holds what it says.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
