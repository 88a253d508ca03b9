"""Sources and the marks that point to them: numbered once, in the order of the answer, and never to nowhere."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...catalog import Frozen
from ...dashscope import SearchResult
from ...files import is_public
from ...text import clip, first_few, visible

MARK = re.compile(r"(?P<space>[ \t]*)(?P<marks>(?:\[\s*ref_\d+(?:\s*[,，、;；]\s*ref_\d+)*\s*\])+)", re.IGNORECASE)
REF_NUMBER = re.compile(r"ref_(\d+)", re.IGNORECASE)
PLAIN_NUMBER = re.compile(r"\[(\d{1,4})\]")
OPEN, CLOSE = "\ue000", "\ue001"  # stand for our own brackets until all others are dealt with
OWN_BRACKETS = re.compile(f"[{OPEN}{CLOSE}]")
ADDRESS_IN_TITLE = re.compile(r"(?:https?|javascript|data):\S*", re.IGNORECASE)
BRACKETS = str.maketrans("[]<>", "［］＜＞")
NO_NAME = "无"  # what DashScope puts where a site has no name
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


def resolve_citations(text: str, pages: Sequence[SearchResult]) -> Cited:
    """`text` with its `[ref_<number>]` marks rewritten, and its pages: the cited ones first, as the answer cites them.

    Pages of one address are one source. A mark that points to no page is removed and reported; a `[n]` of the text's
    own is written `［n］`, so that every `[n]` is the index of a source. Control characters and what reorders text go.
    """
    text = OWN_BRACKETS.sub("", visible(text))
    kept = [page for page in pages if _is_web(page.url)]
    numbered: dict[int, SearchResult] = {}
    for page in kept:
        if page.index:
            numbered.setdefault(page.index, page)
    numbers = [int(number[:9]) for number in REF_NUMBER.findall(" ".join(m["marks"] for m in MARK.finditer(text)))]
    shown: dict[str, SearchResult] = {}
    for page in (*(numbered[n] for n in numbers if n in numbered), *kept):
        shown.setdefault(_address(page), page)
    sources = _that_fit(shown)
    places = {address: source.index for address, source in sources.items()}

    def rewritten(match: re.Match[str]) -> str:
        pages = (numbered.get(int(number[:9])) for number in REF_NUMBER.findall(match["marks"]))
        found = dict.fromkeys(places[_address(page)] for page in pages if page and _address(page) in places)
        return match["space"] + "".join(f"{OPEN}{place}{CLOSE}" for place in found) if found else ""

    answer = text
    while MARK.search(answer):  # taking one out may make another
        answer = MARK.sub(rewritten, answer)
    own = [match[0] for match in PLAIN_NUMBER.finditer(answer)]
    answer = PLAIN_NUMBER.sub(r"［\1］", answer).replace(OPEN, "[").replace(CLOSE, "]")
    lost = sorted({n for n in numbers if n not in numbered or _address(numbered[n]) not in places})
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


def _address(page: SearchResult) -> str:
    """What makes two pages one: host and path, whatever the protocol, a last slash, a part of the page, a campaign."""
    parts = urlsplit(page.url)
    query = "&".join(each for each in parts.query.split("&") if each and not each.lower().startswith("utm_"))
    route = parts.fragment if parts.fragment[:1] in ("/", "!") else ""
    return f"{parts.netloc.lower()}{parts.path.rstrip('/')}?{query}#{route}"
