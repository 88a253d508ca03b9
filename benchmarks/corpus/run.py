"""`make corpus ARGS=FOLDER`: whether the files of a folder are read without a crash, a hang or a loss in silence.

A PDF's words are compared with those that pypdf finds: a word that is neither in our text, nor on a page that is noted
or looked at, is lost in silence. Of an image and of a page without a text the picture is drawn. Ends with 1 where a
file crashes or hangs; what is lost is to be judged by people, since other readers are wrong, too.
"""

import argparse
import json
import re
import subprocess
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio import to_thread

from ...server.errors import InvalidRequest
from ...server.files import ImageFile, PageWords, Pdf, open_input

MAX_FILE_S = 30
MAX_READER_S = 25
MAX_FILES = 5_000
MAX_PAGES = 40  # of a PDF, compared
MAX_PIXELS = 2_000_000
MIN_WORD_CHARS = 4
MAX_SHOWN_WORDS = 10
MAX_SHOWN_CHARS = 300
ENDINGS = {".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".webp", ".avif", ".heic"}
STUCK = "takes too long or too much memory"
# In a process of its own, since it may hang: the words of each page, a line of JSON each
READER = """
import json, logging, sys
from pypdf import PdfReader
logging.disable()
for page in PdfReader(sys.argv[1]).pages[: int(sys.argv[2])]:
    try:
        text = page.extract_text()
    except Exception:
        text = ""
    print(json.dumps(text), flush=True)
"""


@dataclass
class Counts:
    read: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(
        default_factory=Counter
    )  # pages whose words are not all in the text, and why that is said
    crashes: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


async def judge(path: Path, counts: Counts) -> None:
    begun = time.monotonic()
    try:
        with anyio.fail_after(MAX_FILE_S):
            counts.read[await read(path, counts)] += 1
    except InvalidRequest as refusal:
        reason = refusal.reason.replace(path.name, "FILE")
        counts.refused[reason] += 1
        if STUCK in reason:
            counts.crashes.append(f"{path}: {reason}")
    except TimeoutError:
        counts.hangs.append(str(path))
    except Exception as error:  # noqa: BLE001  # it is what is counted
        counts.crashes.append(f"{path}: {error!r}")
    counts.seconds[str(path)] = time.monotonic() - begun


async def read(path: Path, counts: Counts) -> str:
    """What kind of file it is."""
    async with open_input(str(path), (path.parent.resolve(),)) as found:
        if isinstance(found, ImageFile):
            await found.picture(1, MAX_PIXELS)
        if isinstance(found, Pdf):
            await compare(path, found, counts)
        return type(found).__name__


async def compare(path: Path, found: Pdf, counts: Counts) -> None:
    pages = await found.all_words()
    others = await to_thread.run_sync(read_by_another, path)
    for number, (page, other) in enumerate(zip(pages, others, strict=False), 1):
        if page.trouble and STUCK in page.trouble.reason:
            counts.crashes.append(f"{path}: {page.trouble.reason}")
        if not (lost := list(words_beyond(page.whole, other))):
            continue
        if why := await told_of(found, number, page):
            counts.told[why] += 1
        else:
            counts.losses.append(f"{path} page {number}, {len(lost)} words: {' '.join(lost[:MAX_SHOWN_WORDS])}")


async def told_of(found: Pdf, number: int, page: PageWords) -> str:
    """Why the text of a page is not all; empty where nobody is told."""
    if page.trouble:
        return "cannot be read"
    if page.more:
        return page.more
    if page.hidden:
        return "letters that nobody sees"
    if page.unmapped:
        return "letters in fonts that do not say which"
    if page.whole.strip():
        return ""
    picture = await found.picture(number, MAX_PIXELS)
    missing = picture.missing_fonts or picture.missing_images
    return "" if picture.blank and not missing else "looked at"


def read_by_another(path: Path) -> list[str]:
    """The text of each page, as far as the other reader gets in its time."""
    command = [sys.executable, "-c", READER, str(path), str(MAX_PAGES)]
    try:
        said = subprocess.run(command, capture_output=True, timeout=MAX_READER_S).stdout
    except subprocess.TimeoutExpired as late:
        said = late.stdout or b""
    return [json.loads(line) for line in said.splitlines() if line.endswith(b'"')]


def words_beyond(ours: str, other: str) -> Iterator[str]:
    """Words that the other reader found and that are not in ours, however it is spaced or hyphenated."""
    whole = _letters(ours)
    for word in dict.fromkeys(re.findall(r"\w+", unicodedata.normalize("NFKC", other))):
        letters = _letters(word)
        if len(letters) >= MIN_WORD_CHARS and letters not in whole:
            yield word


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).lower()))


def files_in(folders: Iterable[Path]) -> list[Path]:
    found = (path for folder in folders for path in sorted(folder.rglob("*")))
    return [path for path in found if path.suffix.lower() in ENDINGS and path.is_file()][:MAX_FILES]


async def run(folders: list[Path], shown: int) -> Counts:
    counts = Counts()
    paths = files_in(folders)
    for path in paths:
        await judge(path, counts)
    print(f"files {len(paths)}, read {counts.read.total()}, refused {counts.refused.total()}")
    tell("read", counts.read, shown)
    tell("refused", counts.refused, shown)
    tell("pages whose words are not all in the text, and that is said", counts.told, shown)
    for word, cases in (("crashes", counts.crashes), ("hangs", counts.hangs), ("silent losses", counts.losses)):
        print(f"{word}: {len(cases)}")
        for case in cases[:shown]:
            print(f"  {case[:MAX_SHOWN_CHARS]!r}")
    print("slowest")
    for path_name, seconds in sorted(counts.seconds.items(), key=lambda each: -each[1])[:5]:
        print(f"  {seconds:5.1f} s {path_name[-MAX_SHOWN_CHARS:]!r}")
    return counts


def tell(word: str, counter: Counter[str], shown: int) -> None:
    print(f"{word}:")
    for what, count in counter.most_common(shown):
        print(f"  {count:5} {what[:MAX_SHOWN_CHARS]!r}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("--show", type=int, default=20, help="cases of each kind")
    asked = parser.parse_args()
    counts = anyio.run(run, asked.folder, asked.show)
    return 1 if counts.crashes or counts.hangs else 0


if __name__ == "__main__":
    sys.exit(main())
