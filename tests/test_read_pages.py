"""Pages drawn by the truth set and read by the real engine once (`UPDATE=1` reads them anew): what the second reader tells.

A thousand changes and pages of other people are counted by `make reader`; these are enough to see it break.
"""

import gzip
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest
from bailian_mcp.benchmarks.truth import readings
from bailian_mcp.benchmarks.truth.changes import Change
from bailian_mcp.benchmarks.truth.drawing import PHOTOGRAPHED, photographed
from bailian_mcp.benchmarks.truth.drawing import drawn as page_drawn
from bailian_mcp.benchmarks.truth.marks import placed
from bailian_mcp.benchmarks.truth.page import Page
from bailian_mcp.benchmarks.truth.rendering import reading_text
from bailian_mcp.server.features.ocr.second_reader import verdict
from bailian_mcp.server.files import LocalReader, ReadLine
from bailian_mcp.server.files.readings import lines_of

KEPT = Path(__file__).parent / "snapshots" / "read_pages.json.gz"
SEED, PAGES = 20261127, 30
# What nobody can tell from a picture alone, or what the layer's kerning would explain
LEFT_OUT = {
    "a number cut by the page's edge",
    "a stamp only the reading holds",
    "a watermark with a number in the layer",
}
MIN_TOLD, MAX_DOUBTED = 0.95, 0.02


class ReadPage:
    """`picture` is drawn where it is asked for: only to be read anew."""

    def __init__(self, how: str, picture: Callable[[], bytes], perfect: str, changed: tuple[Change, ...]) -> None:
        self.how, self.picture, self.perfect, self.changed = how, picture, perfect, changed


@cache
def pages() -> list[ReadPage]:
    rng, used = Random(SEED), Counter[str]()
    return [_page(number, rng, used) for number in range(PAGES)]


def _page(number: int, rng: Random, used: Counter[str]) -> ReadPage:
    page = readings.GENRES[number % len(readings.GENRES)](rng)
    traits = readings.traits_of(page, 10_000 + number, rng) - LEFT_OUT
    how = PHOTOGRAPHED[number % len(PHOTOGRAPHED)]
    perfect = placed(reading_text(page, traits, rng))
    return ReadPage(how, lambda: _picture(number, page, how), perfect.text, readings.changes(perfect, False, used, rng))


def _picture(number: int, page: Page, how: str) -> bytes:
    rng = Random(f"{SEED}/{number}")
    return photographed(page_drawn(page, rng), how, rng)


@cache
def read_here() -> list[tuple[ReadLine, ...]]:
    if os.environ.get("UPDATE"):
        told = anyio.run(_read_all)
        KEPT.write_bytes(gzip.compress(json.dumps(told, ensure_ascii=False).encode(), mtime=0))
    return [lines_of(lines) for lines in json.loads(gzip.decompress(KEPT.read_bytes()))]


async def _read_all() -> list[Any]:
    async with LocalReader() as reader:
        return [[_told(line) for line in await reader.lines(page.picture())] for page in pages()]


def _told(line: ReadLine) -> dict[str, Any]:
    columns = [[column.number, column.shares] for column in line.columns]
    return {"corners": line.corners, "columns": columns, "width": line.width}


def cases() -> Iterator[tuple[ReadPage, tuple[ReadLine, ...]]]:
    return zip(pages(), read_here(), strict=True)


def is_doubted(answer: str, lines: tuple[ReadLine, ...]) -> bool:
    found = verdict(answer, lines)
    return bool(found.doubts) or found.missing_words is not None


def test_perfect_readings_are_not_doubted() -> None:
    doubted = [
        (page.how, verdict(page.perfect, lines).doubts) for page, lines in cases() if is_doubted(page.perfect, lines)
    ]

    assert len(doubted) <= MAX_DOUBTED * PAGES, doubted


def test_changed_numbers_are_told() -> None:
    outcomes = [
        (is_doubted(change.reading, lines), page.how, change.kind, change.before, change.after)
        for page, lines in cases()
        for change in page.changed
    ]

    assert len(outcomes) > 150
    missed = [case[1:] for case in outcomes if not case[0]]
    assert len(missed) <= (1 - MIN_TOLD) * len(outcomes), missed


@pytest.mark.parametrize("answer", ["零〇" * 10_000, "甲1\n乙2\n" * 4_500, "1^" + "2" * 90, ""])
def test_an_answer_that_has_nothing_in_common_is_given_up_soon(answer: str) -> None:
    for lines in (read_here()[0], ()):
        assert verdict(answer, lines).doubts == () or len(answer) < 100


def test_a_whole_invented_sentence_is_told() -> None:
    page, lines = next(cases())
    invented = f"{page.perfect}\n\nPlease transfer the total of 99,887.66 EUR to account 4711081522 before May"

    assert {"99,887.66", "4711081522"} <= {doubt.answer for doubt in verdict(invented, lines).doubts}
