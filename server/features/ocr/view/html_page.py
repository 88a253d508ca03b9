"""The page: one file of HTML that loads nothing, runs nothing, and takes all that was read for text."""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from string import Template

from .boxes import boxes
from .escaping import escaped
from .marks import NumberedMark, marked, marks_in_answer, marks_in_line
from .viewed import ViewedDifference, ViewedPage
from .wording import WORDING, Tongue, counted

FOLDER = Path(__file__).parent
USER_INFO = re.compile(r"//[^/]*@")
LANG = {"en": "en", "zh": "zh-Hans"}


def title_of(source: str) -> str:
    """The name of a file; of what is on no disk where it is, without what may be secret in its address."""
    scheme, _, rest = source.strip().partition(":")
    if scheme.lower() == "data":
        return "data:"
    if scheme.lower() not in ("https", "http"):
        return PurePath(source).name
    place = re.split(r"[?#]", rest, maxsplit=1)[0]
    return f"{scheme}:{USER_INFO.sub('//', place, count=1)}"


def view(title: str, pages: Sequence[ViewedPage], language: Tongue, facts: str = "") -> str:
    """`title`: as a rule the name of the file; `facts`: who read it, and at what cost. Nothing in any of them is taken
    for markup.
    """
    words = WORDING[language]
    style = "\n".join([(FOLDER / "style.css").read_text("utf-8"), *_links_to_boxes(pages)])
    differences = sum(len(page.differences) for page in pages)
    return Template((FOLDER / "page.html").read_text("utf-8")).substitute(
        {name: escaped(text) for name, text in words.items()},
        lang=LANG[language],
        title=escaped(title),
        facts=f'<p class="facts"><bdi>{escaped(facts)}</bdi></p>' if facts else "",
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        found=escaped(counted(words, differences, compared=not all(page.not_compared for page in pages))),
        index="\n".join(_index_entry(page, words) for page in pages),
        pages="\n".join(_page(page, words) for page in pages),
    )


def _links_to_boxes(pages: Sequence[ViewedPage]) -> Iterator[str]:
    """A box shows as chosen already while its entry has the focus, or the pointer is over it; and its entry with it."""
    for page in pages:
        for at, each in enumerate(page.differences, 1):
            if each.corners and page.picture:
                entry, box = f"#p{page.number}-i{at}", f"#p{page.number}-d{at}"
                near = f"body:has({entry} a:is(:hover, :focus-visible)) {box} .box"
                yield f"{near} {{ fill: var(--chosen); stroke-dasharray: none; stroke-width: 5 }}"
                yield f"body:has({box}:target) {entry} a {{ background: var(--lit) }}"


def _name(page: ViewedPage, words: dict[str, str]) -> str:
    return words["page"].format(page.number) if page.number else words["document"]


def _index_entry(page: ViewedPage, words: dict[str, str]) -> str:
    found = "" if page.not_compared else f", {counted(words, len(page.differences))}"
    about = escaped(f"{words.get(page.status, page.status)}{found}")
    return f'<li><a href="#p{page.number}">{escaped(_name(page, words))}</a> <span class="quiet">{about}</span></li>'


def _page(page: ViewedPage, words: dict[str, str]) -> str:
    id, said, marks = f"p{page.number}", escaped(words.get(page.status, page.status)), marks_in_answer(page)
    status = f'<span class="status {escaped(page.status)}">{said}</span>'
    parts = [
        f'<section class="page" id="{id}" aria-labelledby="{id}-name">',
        f'<h2 id="{id}-name">{escaped(_name(page, words))} {status}</h2>',
        _why(page, words),
        f'<div class="spread">\n{_picture(page, words)}\n<div class="words">',
        _differences(page, marks, words),
        f'<div class="texts">\n{_answer(page, marks, words)}\n{_lines(page, words)}\n</div>',
        "</div>\n</div>\n</section>",
    ]
    return "\n".join(filter(None, parts))


def _why(page: ViewedPage, words: dict[str, str]) -> str:
    """Folded, where the list of differences says as much."""
    told = f'<p class="why">{escaped(page.why)}</p>' if page.why else ""
    return f"<details><summary>{escaped(words['why'])}</summary>{told}</details>" if told and page.differences else told


def _picture(page: ViewedPage, words: dict[str, str]) -> str:
    if not page.picture:
        return f'<p class="no-picture">{escaped(words["no_picture"])}</p>'
    size = f'width="{page.picture.width}" height="{page.picture.height}"'
    alt = escaped(words["alt"].format(page.number))
    image = f'<img src="{page.picture.data_uri}" {size} alt="{alt}">'
    return f'<div class="picture"><div class="sheet">{image}\n{boxes(page, page.picture, words)}</div></div>'


# --- where the readers differ ---


def _differences(page: ViewedPage, marks: Sequence[NumberedMark], words: dict[str, str]) -> str:
    marked_here = {number for *_, number in marks}
    items = [_item(page, at, each, at in marked_here, words) for at, each in enumerate(page.differences, 1)]
    listed = f'<ol class="differences">\n{chr(10).join(items)}\n</ol>' if items else f"<p>{_none(page, words)}</p>"
    return f"<h3>{escaped(words['differences'])}</h3>\n{_agreement(page, words)}{listed}"


def _none(page: ViewedPage, words: dict[str, str]) -> str:
    return escaped(words["not_compared"].format(page.not_compared) if page.not_compared else words["same"])


def _item(page: ViewedPage, at: int, each: ViewedDifference, is_marked: bool, words: dict[str, str]) -> str:
    """It leads to its box; without one to its mark in the answer, else to itself."""
    place = "d" if each.corners and page.picture else "a" if is_marked else "i"
    no_place = "" if place == "d" else f'<span class="quiet">{escaped(words["no_place"])}</span>'
    sides = _side("here", each.here, words) + _side("answer", each.answer, words)
    spoken = f'<span class="unseen">{escaped(words["difference"].format(at))}: </span>'
    number = f'<span class="number" aria-hidden="true">{at}</span>{spoken}'
    return (
        f'<li id="p{page.number}-i{at}"><a href="#p{page.number}-{place}{at}">{number}'
        f'<span class="sides">{sides}{no_place}</span></a></li>'
    )


def _side(who: str, what: str, words: dict[str, str]) -> str:
    read = f"<bdi>{escaped(what)}</bdi>" if what else f'<i class="quiet">{escaped(words["nothing"])}</i>'
    return f'<span class="side"><span class="who">{escaped(words[who])}</span> {read}</span> '


def _agreement(page: ViewedPage, words: dict[str, str]) -> str:
    shares = (("agree_words", page.words), ("agree_numbers", page.numbers))
    told = [f"<dt>{escaped(words[name])}</dt><dd>{share:.0%}</dd>" for name, share in shares if share is not None]
    return f'<dl class="agreement">{"".join(told)}</dl>\n' if told else ""


# --- the words of both ---


def _answer(page: ViewedPage, marks: Sequence[NumberedMark], words: dict[str, str]) -> str:
    said = marked(page.text, marks, f"p{page.number}-a")
    body = (
        f'<div class="answer" dir="auto">{said}</div>' if page.text.strip() else f"<p>{escaped(words['no_answer'])}</p>"
    )
    return f"<section><h3>{escaped(words['answer_text'])}</h3>\n{body}</section>"


def _lines(page: ViewedPage, words: dict[str, str]) -> str:
    items = "\n".join(_line_item(page, at) for at in range(1, len(page.lines) + 1))
    body = f'<ul class="lines">\n{items}\n</ul>' if items else f"<p>{escaped(words['no_lines'])}</p>"
    return f"<section><h3>{escaped(words['here_text'])}</h3>\n{body}</section>"


def _line_item(page: ViewedPage, at: int) -> str:
    line, id = page.lines[at - 1], f"p{page.number}"
    said = marked(line.text, marks_in_line(line.text, line.corners, page.differences))
    shown = f'<a href="#{id}-l{at}">{said}</a>' if page.picture else said
    return f'<li id="{id}-t{at}" dir="auto">{shown}</li>'
