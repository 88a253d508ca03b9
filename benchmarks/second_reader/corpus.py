"""Pages of other people's PDFs whose own text is a perfect reading: those where it may not be one are left out."""

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import anyio

from ...server.errors import InvalidRequest
from ...server.features.ocr.quality import disagreement
from ...server.files import PageWords, Pdf, Picture, open_input
from .case import Case
from .misprints import misprints

SEED = 20261128
MAX_FILE_BYTES, MAX_FILE_S, MAX_OTHER_S = 20_000_000, 60, 25
MAX_PAGES, MAX_LOOKED = 4, 12  # of a file: taken, and looked at
MIN_WORDS, MIN_DIGITS = 30, 6
MAX_PIXELS = 8_000_000
APART = re.compile(r"(?:(?<!\w)[^\W\d_] ){6,}")
# In a process of its own, since it may hang or crash: of each page what pypdf reads, and whether images are on it
OTHER = """
import json, logging, sys
import pypdfium2
from pypdf import PdfReader
logging.disable()
drawn = pypdfium2.PdfDocument(sys.argv[1])
for number, page in enumerate(PdfReader(sys.argv[1]).pages[: int(sys.argv[2])]):
    try:
        text = page.extract_text()
    except Exception:
        text = ""
    print(json.dumps([text, any(found.type == 3 for found in drawn[number].get_objects())]), flush=True)
"""


@dataclass
class Picked:
    """The pages of a file that are taken, [number, text, name of its picture], and why the others are not."""

    pages: list[tuple[int, str, str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


async def corpus_cases(folders: Iterable[Path], count: int, kept: Path, left_out: Counter[str]) -> AsyncIterator[Case]:
    """Up to so many, from the files in an order of their own. `left_out`: the others, by why."""
    used, seen, taken = Counter[str](), set[str](), 0
    for digest, path in sorted(_files(folders).items()):
        picked = await _picked(path, kept, digest)
        left_out.update(picked.left_out)
        for number, text, name in picked.pages:
            if taken == count:
                return
            if why := "the same text on another page" if text in seen else _why_by_its_text(text):
                left_out[why] += 1
                continue
            seen.add(text)
            taken += 1
            changed = misprints(text, used, Random(f"{SEED} {name}"))
            yield Case(f"{path.name} page {number}", (kept / name).read_bytes(), text, text, text, changed)


def _files(folders: Iterable[Path]) -> dict[str, Path]:
    """By the digest of their content: each once."""
    found = (path for folder in folders for path in sorted(folder.rglob("*.pdf")) if path.is_file())
    return {_digest(path.read_bytes()): path for path in found if path.stat().st_size <= MAX_FILE_BYTES}


async def _picked(path: Path, kept: Path, digest: str) -> Picked:
    record = kept / f"pages-{digest}.json"
    if record.exists():
        told = json.loads(record.read_text("utf-8"))
        return Picked(told["pages"], Counter(told["left_out"]))
    picked = Picked()
    try:
        with anyio.fail_after(MAX_FILE_S):
            await _pick(path, kept, picked)
    except (InvalidRequest, TimeoutError):
        picked.left_out["of a file that cannot be read, or takes too long"] += 1
    record.write_text(json.dumps({"pages": picked.pages, "left_out": picked.left_out}), "utf-8")
    return picked


async def _pick(path: Path, kept: Path, picked: Picked) -> None:
    others: list[Any] | None = None
    async with open_input(str(path), (path.parent.resolve(),)) as found:
        if not isinstance(found, Pdf):
            return
        for number in range(1, min(found.count, MAX_LOOKED) + 1):
            words, text = await found.words(number), await found.text(number)
            why = _why_by_its_words(words)
            if not why:
                others = await _read_by_another(path) if others is None else others
                why = _why_by_another(text, *others[number - 1]) if number <= len(others) else "pypdf cannot read it"
            picture = None if why else await found.picture(number, MAX_PIXELS)
            why = why or _why_by_its_picture(picture)
            if why or not picture:
                picked.left_out[why] += 1
                continue
            picked.pages.append((number, text, _keep(picture.content, kept)))
            if len(picked.pages) == MAX_PAGES:
                return


def _why_by_its_text(text: str) -> str:
    return "letters set apart, as no reading has them" if APART.search(text) else ""


def _why_by_its_words(words: PageWords) -> str:
    """Empty: nothing speaks against it."""
    if words.trouble or words.more or words.unmapped:
        return "letters that cannot be read, or more than letters"
    if words.hidden or words.unlooked:
        return "letters that nobody sees"
    if words.beside or words.unread:
        return "notes or form fields"
    few = len(re.findall(r"\w+", words.text)) < MIN_WORDS or len(re.findall(r"\d", words.text)) < MIN_DIGITS
    return f"fewer than {MIN_WORDS} words or {MIN_DIGITS} digits" if few else ""


def _why_by_another(text: str, other: str, has_images: bool) -> str:
    if has_images:
        return "images"
    if not other.strip():
        return "pypdf cannot read it"
    return "pypdf reads it otherwise" if disagreement(other, text, partly=False) else ""


def _why_by_its_picture(picture: Picture | None) -> str:
    lacking = picture and (picture.blank or picture.missing_fonts or picture.missing_images)
    return "letters that cannot be drawn" if lacking else ""


async def _read_by_another(path: Path) -> list[Any]:
    command = [sys.executable, "-c", OTHER, str(path), str(MAX_LOOKED)]
    try:
        with anyio.fail_after(MAX_OTHER_S):
            said = await anyio.run_process(command, check=False, stderr=subprocess.DEVNULL)
    except TimeoutError:
        return []
    return [json.loads(line) for line in said.stdout.splitlines() if line.endswith(b"]")]


def _keep(picture: bytes, kept: Path) -> str:
    name = f"{_digest(picture)}.jpg"
    (kept / name).write_bytes(picture)
    return name


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:24]
