"""A Sphinx extension for the page on teaching: {goals-and-exercises} and {replies} are written from the chapters."""

from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from transferlab.chapters import classroom


class FromChapters(SphinxDirective):
    """Text in MyST, made from the chapters beside the page by the function of WRITERS that has the directive's name."""

    def run(self) -> list[nodes.Node]:
        folder = Path(self.env.srcdir, "notebooks")
        lines: list[str] = []
        for chapter in classroom.chapters(folder):
            self.env.note_dependency(str(folder / f"{chapter.name}.ipynb"))
            lines += WRITERS[self.name](chapter)
        place = nodes.Element()
        self.state.nested_parse(StringList(lines, self.env.docname), self.content_offset, place)
        return place.children


def goals_and_exercises(chapter: classroom.Chapter) -> Iterator[str]:
    """A chapter, the minutes that its text takes, its goals, and the exercises that practise each."""
    yield from (f"**{link(chapter)}** · {chapter.minutes} min to read", "")
    for number, goal in enumerate(chapter.goals, 1):
        practised = [title(each) for each in chapter.exercises if each.goal == number]
        yield f"{number}. {goal}: {', '.join(practised) or 'no exercise'}"
    yield ""


def replies(chapter: classroom.Chapter) -> Iterator[str]:
    """What the check cells of a chapter say to answers that are not right."""
    answered = [each for each in chapter.exercises if each.replies]
    if answered:
        yield from (f"**{link(chapter)}**", "")
        for each in answered:
            yield from (f"- {title(each)}", *(f"    - {plain(reply)}" for reply in each.replies))
        yield ""


WRITERS = {"goals-and-exercises": goals_and_exercises, "replies": replies}


def link(chapter: classroom.Chapter) -> str:
    return f"[{int(chapter.name[:2])}. {chapter.title}](../notebooks/{chapter.name}.ipynb)"


def title(exercise: classroom.Exercise) -> str:
    return f"{{ref}}`{exercise.title} <{exercise.label}>`"


def plain(text: str) -> str:
    """A text in which nothing is taken for markup."""
    return "".join(f"\\{letter}" if letter in r"\`*_[]<>{}$" else letter for letter in text)


def setup(app) -> dict:
    for name in WRITERS:
        app.add_directive(name, FromChapters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
