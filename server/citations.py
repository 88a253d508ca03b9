"""Sources and the marks that point to them: numbered once, in the order of the answer, and never to nowhere."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urldefrag, urlsplit

from .catalog import Frozen
from .dashscope import Page, clipped

MARK = re.compile(r"(?P<space>[ \t]*)(?P<marks>(?:\[ref_\d{1,9}\])+)")
NUMBER = re.compile(r"\[ref_(\d{1,9})\]")
PLAIN_NUMBER = re.compile(r"\[\d{1,3}\]")
NO_NAME = "无"  # what DashScope puts where a site has no name
MOST_SOURCES = 50
LONGEST_URL = 2_048
LONGEST_TITLE = 200


class Source(Frozen):
    index: int
    title: str
    url: str
    site: str


@dataclass(frozen=True)
class Cited:
    """An answer whose marks `[n]` are the indexes of `sources`; `notes`: what was mended."""

    answer: str
    sources: tuple[Source, ...]
    notes: tuple[str, ...]


def cited(text: str, pages: Sequence[Page]) -> Cited:
    """`text` with its `[ref_<number>]` marks rewritten, and its pages: the cited ones first, as the answer cites them.

    Pages of one address are one source. A mark that points to no page is removed and reported.
    """
    kept = [page for page in pages if _is_web(page.url)]
    numbered: dict[int, Page] = {}
    for page in kept:
        numbered.setdefault(page.index, page)
    numbers = [int(number) for number in NUMBER.findall(text)]
    shown: dict[str, Page] = {}
    for page in (*(numbered[n] for n in numbers if n in numbered), *kept):
        shown.setdefault(_address(page), page)
    places = {address: place for place, address in enumerate(list(shown)[:MOST_SOURCES], 1)}

    def rewritten(match: re.Match[str]) -> str:
        pages = (numbered.get(int(number)) for number in NUMBER.findall(match["marks"]))
        found = dict.fromkeys(places[_address(page)] for page in pages if page and _address(page) in places)
        return match["space"] + "".join(f"[{place}]" for place in found) if found else ""

    notes = []
    if lost := sorted(set(numbers) - set(numbered)):
        notes.append(f"Citations that pointed to no source were removed: {', '.join(f'ref_{n}' for n in lost)}.")
    if own := sorted(set(PLAIN_NUMBER.findall(text))):
        notes.append(f"Not citations, but the answer's own text: {', '.join(own)}.")
    if left_out := len(pages) - len(kept):
        notes.append(f"Sources without a web address that can be shown, left out: {left_out}.")
    if (more := len(shown) - MOST_SOURCES) > 0:
        notes.append(f"Sources beyond the first {MOST_SOURCES}, left out: {more}.")
    sources = tuple(_source(place, shown[address]) for address, place in places.items())
    return Cited(MARK.sub(rewritten, text), sources, tuple(notes))


def _source(place: int, page: Page) -> Source:
    site = "" if page.site == NO_NAME else clipped(page.site, LONGEST_TITLE)
    return Source(index=place, title=clipped(page.title, LONGEST_TITLE), url=page.url, site=site)


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    fits = len(url) <= LONGEST_URL and url.isprintable() and not any(character.isspace() for character in url)
    return fits and parts.scheme in ("http", "https") and bool(host)


def _address(page: Page) -> str:
    """What makes two pages one: the address without its fragment and a last slash."""
    return urldefrag(page.url).url.rstrip("/")
