"""Pairs of a source and a target, as people keep them: terms of a glossary, sentences of a translation memory.

Files: CSV and TSV (two columns), JSON (an object, or a list of {"source", "target"}), TBX and TMX by their languages.
"""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from io import StringIO
from typing import Any
from xml.etree import ElementTree

from ...errors import InvalidRequest
from .languages import codes_of

Pair = tuple[str, str]
MAX_PAIRS = 5_000
MAX_PAIR_CHARS = 2_000
HEADERS = ({"source", "target"}, {"src", "tgt"}, {"原文", "译文"}, {"source", "translation"})
ENTRIES = ("termEntry", "conceptEntry", "tu")
OF_A_LANGUAGE = ("langSet", "langSec", "tuv")
WORD_ELEMENTS = ("term", "seg")
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*>", re.IGNORECASE)
PAIR_FORMS = "CSV or TSV with two columns, a JSON object, or TBX"


def pairs_in(name: str, text: str, source: str, target: str) -> tuple[Pair, ...]:
    """The pairs that a file holds, each source once: the last one counts.

    Raises:
        InvalidRequest: it holds none, or too many.
    """
    text = text.strip().removeprefix("\ufeff")
    try:
        found = dict(_read(text, source, target))
    except (ValueError, TypeError, csv.Error, ElementTree.ParseError, RecursionError):
        found = {}
    pairs = tuple((one, other) for one, other in found.items() if one and other)
    if not pairs:
        raise InvalidRequest(f"{name} holds no pairs of source and target. Write {PAIR_FORMS}.")
    if len(pairs) > MAX_PAIRS or max(len(side) for pair in pairs for side in pair) > MAX_PAIR_CHARS:
        raise InvalidRequest(
            f"{name} holds more than {MAX_PAIRS:,} pairs, or one of more than {MAX_PAIR_CHARS:,} characters. "
            "Shorten it."
        )
    return pairs


def _read(text: str, source: str, target: str) -> Iterator[Pair]:
    if text.startswith("<"):
        yield from _of_xml(text, source, target)
    elif text.startswith(("{", "[")):
        yield from _of_json(json.loads(text))
    else:
        yield from _of_columns(text)


def _of_columns(text: str) -> Iterator[Pair]:
    first = text.partition("\n")[0]
    delimiter = "\t" if "\t" in first else ";" if ";" in first and "," not in first else ","
    for number, row in enumerate(csv.reader(StringIO(text), delimiter=delimiter)):
        sides = [cell.strip() for cell in row[:2]]
        if len(sides) == 2 and not (number == 0 and {side.lower() for side in sides} in HEADERS):
            yield sides[0], sides[1]


def _of_json(data: Any) -> Iterator[Pair]:
    rows = data.items() if isinstance(data, dict) else data
    for row in rows:
        one, other = (row.get("source"), row.get("target")) if isinstance(row, dict) else row
        if not isinstance(one, str) or not isinstance(other, str):
            raise ValueError
        yield one.strip(), other.strip()


def _of_xml(text: str, source: str, target: str) -> Iterator[Pair]:
    """Entities are nobody's business here; a DOCTYPE that names a file is left out."""
    if "<!ENTITY" in text.upper() or "<!DOCTYPE" in DOCTYPE.sub("", text).upper():
        raise ValueError
    root = ElementTree.fromstring(DOCTYPE.sub("", text))
    for entry in (each for each in root.iter() if _name(each) in ENTRIES):
        words = [(_language(each), _first_words(each)) for each in entry.iter() if _name(each) in OF_A_LANGUAGE]
        theirs = next((said for code, said in words if _is(code, target)), "")
        if not theirs and len(words) == 2:
            theirs = words[1][1]
        ours = next((said for code, said in words if _is(code, source) and said != theirs), "")
        yield ours or next((said for _, said in words if said != theirs), ""), theirs


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _language(element: ElementTree.Element) -> str:
    return (element.get(XML_LANG) or element.get("lang") or "").lower().replace("_", "-")


def _is(code: str, name: str) -> bool:
    """Regions count only where their own language is meant: pt-BR is Portuguese, zh-TW is no Chinese in short signs."""
    codes = codes_of(name)
    return code in codes or (code not in ("zh-tw", "zh-hk", "zh-hant") and code.partition("-")[0] in codes)


def _first_words(element: ElementTree.Element) -> str:
    found = next((each for each in element.iter() if _name(each) in WORD_ELEMENTS), None)
    return " ".join("".join(found.itertext()).split()) if found is not None else ""


# --- which of them a text needs: each is billed as input, with every part ---


def terms_for(text: str, terms: Sequence[Pair]) -> list[Pair]:
    """Those whose source is in it, whole words where the script has words; the longest first."""
    lower = text.lower()
    found = [pair for pair in terms if pair[0].lower() in lower and _whole_words(pair[0].lower()).search(lower)]
    return sorted(found, key=lambda pair: -len(pair[0]))


def _whole_words(source: str) -> re.Pattern[str]:
    before = r"(?<![a-z0-9])" if source[0].isascii() and source[0].isalnum() else ""
    after = r"(?![a-z0-9])" if source[-1].isascii() and source[-1].isalnum() else ""
    return re.compile(before + re.escape(source) + after)


def memory_for(text: str, memory: Sequence[Pair], most: int) -> list[Pair]:
    """The earlier translations that are most alike: those whose pairs of letters are mostly in it."""
    letters = _bigrams(text)
    alike = [(len(theirs & letters) / len(theirs), pair) for pair in memory if (theirs := _bigrams(pair[0]))]
    best = sorted((each for each in alike if each[0] >= MIN_LIKENESS), key=lambda each: -each[0])
    return [pair for _, pair in best[:most]]


MIN_LIKENESS = 0.6


@lru_cache(MAX_PAIRS)
def _bigrams(text: str) -> frozenset[str]:
    lower = "".join(text.lower().split())
    return frozenset(lower[at : at + 2] for at in range(len(lower) - 1))
