"""Sources and the marks that point to them: numbered once, in the order of the answer, and never to nowhere."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...catalog import Frozen
from ...dashscope import SearchResult
from ...files import is_public
from ...text import clip, first_few, visible
from .marks import Code, Mark, pieces, reads_as_mark

OPEN, CLOSE = "\ue000", "\ue001"  # stand for our own brackets until all others are dealt with
OWN_BRACKETS = re.compile(f"[{OPEN}{CLOSE}]")
LEFT_OVER = re.compile(r"\[([^\[\]\n]{1,120})\]")
ADDRESS_IN_LINE = re.compile(r"https?://[^\s()\[\]<>（）【】［］，。；、]+", re.IGNORECASE)
ADDRESS_IN_TITLE = re.compile(r"(?:https?|javascript|data):\S*", re.IGNORECASE)
BRACKETS = str.maketrans("[]<>", "［］＜＞")
NO_NAME = "无"  # what DashScope puts where a site has no name
MAX_LISTED_NUMBER = 100  # beyond it, a number among others is a year, or data
MAX_LINE_PIECES = 8  # of a line that names a page behind its number
MIN_TITLE_CHARS = 4  # of one that is no chance
MAX_SOURCES = 50
MAX_SOURCES_CHARS = 15_000  # of all addresses and titles: a reply must fit the host
MAX_URL_CHARS = 2_048
MAX_TITLE_CHARS = 120


class WebSource(Frozen):
    index: int
    title: str
    url: str
    site: str


@dataclass(frozen=True)
class Cited:
    """An answer whose marks `[n]` are the indexes of `sources`; `notes`: what was mended."""

    answer: str
    sources: tuple[WebSource, ...]
    notes: tuple[str, ...]


def resolve_citations(text: str, pages: Sequence[SearchResult], *, asked: bool = True) -> Cited:
    """`text` with its marks rewritten, and its pages: the cited ones first, as the answer cites them.

    Pages of one address are one source. A mark that points to no page is removed and reported; a `[n]` of the text's
    own is written `［n］`, so that every `[n]` outside code is the index of a source. Code stays as it is. Control
    characters and what reorders text go. `asked`: whether marks were asked for; else plain numbers are the text's own.
    """
    parts = list(pieces(OWN_BRACKETS.sub("", visible(text))))
    kept = [page for page in pages if _is_web(page.url)]
    numbered = _numbered(
        kept, [n for part in parts if isinstance(part, Mark) and part.form == "ref" for n in part.numbers]
    )
    cites = _Meaning(numbered, parts, asked).cites
    numbers = [n for part in parts if isinstance(part, Mark) and cites(part) for n in part.numbers]
    shown: dict[str, SearchResult] = {}
    for page in (*(numbered[n] for n in numbers if n in numbered), *kept):
        shown.setdefault(_address(page.url), page)
    sources = _that_fit(shown)
    places = {n: sources[at] for n, page in numbered.items() if (at := _address(page.url)) in sources}
    answer, own = _rewritten(parts, cites, places)
    lost = sorted({n for n in numbers if n not in places})
    hidden = len(pages) - len(kept)
    notes = [
        *(
            [f"Citations that pointed to no source were removed: {first_few(f'ref_{n}' for n in lost)}."]
            if lost
            else []
        ),
        *([f"No citations, but the answer's own text, and written ［n］: {first_few(own)}."] if own else []),
        *([f"Sources without a web address fit to be shown, left out: {hidden}."] if hidden else []),
        *([f"More sources than fit, left out: {len(shown) - len(sources)}."] if len(sources) < len(shown) else []),
    ]
    return Cited(answer, tuple(sources.values()), tuple(notes))


def _numbered(pages: Sequence[SearchResult], named: Sequence[int]) -> dict[int, SearchResult]:
    """The pages by the number that a mark means. A list that counts from 0 may be meant from 0 or from 1: its first
    and its last number tell, where the answer names one of them as it was asked to.
    """
    numbered: dict[int, SearchResult] = {}
    for page in pages:
        if page.index is not None:
            numbered.setdefault(page.index, page)
    if 0 not in numbered or 0 in named:
        return numbered
    from_one = {n + 1: page for n, page in numbered.items()}
    return from_one if max(from_one) in named else {}


class _Meaning:
    """Which marks are citations. In doubt none is: a citation that is lost is told, a false one is believed.

    - `[ref_3]` always is: it is what was asked for.
    - A number that begins a line, or has a link, is where the address or the title of its page is there.
    - All else only where marks were asked for, and no other address is beside it:
      - A word with a number, `[^3]`, `【3】`: where a page has one of the numbers, and all could be of a list.
        `[^3]` with a footnote of the answer's own is none.
      - Several plain numbers, a range: where each has a page, and nothing says data: `x = [1, 2]`, `[1-3]月`.
      - One plain number: the same, but only where no `[ref_3]` is used and every such number has a page, not all of
        them at the beginning of a line.
    """

    def __init__(self, numbered: Mapping[int, SearchResult], parts: Sequence[str | Code | Mark], asked: bool) -> None:
        self._numbered = numbered
        self._asked = asked
        marks = [part for part in parts if isinstance(part, Mark)]
        single = [mark for mark in marks if mark.form == "number" and not mark.as_data]
        self._by_number = (
            all(mark.numbers[0] in numbered for mark in single)
            and not any(mark.form == "ref" for mark in marks)
            and not all(mark.begins_line for mark in single)
        )
        self._named_behind: set[int] = set()
        self._footnotes: set[int] = set()
        for place, mark in enumerate(parts):
            if isinstance(mark, Mark) and len(mark.numbers) == 1 and mark.form in ("number", "item", "note", "named"):
                self._look_behind(mark, _line_behind(parts, place))

    def _look_behind(self, mark: Mark, line: str) -> None:
        page = self._numbered.get(mark.numbers[0])
        if page and (mark.begins_line or mark.link) and _names(line, page, by_title=mark.form != "item"):
            self._named_behind.add(id(mark))
        elif mark.form == "note" and mark.begins_line and line.startswith((":", "：")):
            self._footnotes.add(mark.numbers[0])

    def cites(self, mark: Mark) -> bool:
        if mark.form == "ref" or id(mark) in self._named_behind:
            return True
        known = [n for n in mark.numbers if n in self._numbered]
        if not self._asked or mark.form == "item" or _leads_elsewhere(mark, [self._numbered[n].url for n in known]):
            return False
        if mark.form in ("named", "note"):
            own = mark.form == "note" and not self._footnotes.isdisjoint(mark.numbers)
            of_a_list = max(mark.numbers) < MAX_LISTED_NUMBER and (0 in known or min(mark.numbers) > 0)
            return bool(known) and of_a_list and not own
        return len(known) == len(mark.numbers) and not mark.as_data and (mark.form == "group" or self._by_number)


def _leads_elsewhere(mark: Mark, urls: Sequence[str]) -> bool:
    """Whether a mark is a link, and to none of these."""
    return bool(mark.link) and _address(mark.link) not in map(_address, urls)


def _line_behind(parts: Sequence[str | Code | Mark], place: int) -> str:
    """The rest of a mark's line, with the mark's own link."""
    mark = parts[place]
    line = [mark.link, " "] if isinstance(mark, Mark) and mark.link else []
    for part in parts[place + 1 : place + 1 + MAX_LINE_PIECES]:
        before, ends, _ = (part if isinstance(part, str) else part.text).partition("\n")
        line.append(before)
        if ends:
            break
    return "".join(line)


def _names(line: str, page: SearchResult, *, by_title: bool) -> bool:
    """Whether a line of the answer's own list of sources is about a page: by its address, else by its title."""
    addresses = {_address(url) for url in ADDRESS_IN_LINE.findall(line)}
    if addresses:
        return _address(page.url) in addresses
    title = page.title.strip()
    return by_title and len(title) >= MIN_TITLE_CHARS and title in line


def _rewritten(
    parts: Sequence[str | Code | Mark], cites: Callable[[Mark], bool], places: Mapping[int, WebSource]
) -> tuple[str, list[str]]:
    """The answer, and the marks that were left as its own text."""
    answer: list[str] = []
    prose: list[str] = []
    own: list[str] = []
    run: set[int] = set()  # of marks side by side: none is said twice
    for part in parts:
        if isinstance(part, Mark) and cites(part):
            found = dict.fromkeys(places[n].index for n in part.numbers if n in places)
            prose.append("".join(f"{OPEN}{place}{CLOSE}" for place in found if place not in run))
            run.update(found)
            if not found:
                _drop_blanks(prose)
            if part.text.endswith(")") and _leads_elsewhere(part, [places[n].url for n in part.numbers if n in places]):
                prose.append(f" ({part.link})")
            continue
        run = set() if part else run
        if isinstance(part, Code):
            answer += [_without_left_overs(prose, own), part.text]
            prose = []
        else:
            prose.append(part.text if isinstance(part, Mark) else part)
    return "".join([*answer, _without_left_overs(prose, own)]), own


def _drop_blanks(prose: list[str]) -> None:
    """Before a mark that is taken out."""
    while prose:
        if left := prose.pop().rstrip(" \t"):
            prose.append(left)
            return


def _without_left_overs(prose: Sequence[str], own: list[str]) -> str:
    """Our marks in brackets, and nothing else that reads as a mark in such: taking one out may have made one."""

    def told_apart(found: re.Match[str]) -> str:
        if not reads_as_mark(found[1]):
            return found[0]
        own.append(found[0])
        return f"［{found[1]}］"

    return LEFT_OVER.sub(told_apart, "".join(prose)).replace(OPEN, "[").replace(CLOSE, "]")


def _that_fit(shown: Mapping[str, SearchResult]) -> dict[str, WebSource]:
    found: dict[str, WebSource] = {}
    room = MAX_SOURCES_CHARS
    for address, page in list(shown.items())[:MAX_SOURCES]:
        source = _source(len(found) + 1, page)
        room -= len(source.url) + len(source.title) + len(source.site)
        if room < 0:
            break
        found[address] = source
    return found


def _source(place: int, page: SearchResult) -> WebSource:
    site = "" if page.site == NO_NAME else _line(page.site)
    return WebSource(index=place, title=_line(page.title), url=page.url, site=site)


def _line(title: str) -> str:
    """A title that cannot pass for an address or a mark."""
    return clip(ADDRESS_IN_TITLE.sub("…", title), MAX_TITLE_CHARS).translate(BRACKETS)


def _is_web(url: str) -> bool:
    """Whether an address is what it seems: no other scheme, no user part, nothing that hides or breaks out."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    fits = len(url) <= MAX_URL_CHARS and url.isprintable() and not set(url) & set(' \\"<>`')
    public = "@" not in parts.netloc and is_public(host or "")
    return fits and public and parts.scheme in ("http", "https")


def _address(url: str) -> str:
    """What makes two pages one: host and path, whatever the protocol, a last slash, a part of the page, a campaign."""
    parts = urlsplit(url)
    query = "&".join(each for each in parts.query.split("&") if each and not each.lower().startswith("utm_"))
    route = parts.fragment if parts.fragment[:1] in ("/", "!") else ""
    return f"{parts.netloc.lower()}{parts.path.rstrip('/')}?{query}#{route}"
