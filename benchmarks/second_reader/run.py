"""`make reader`: what the second reader says of pages whose truth is known, beside the check against the text layer.

The made set is drawn here. `make reader ARGS="FOLDER ..."` also takes pages of the PDFs in these folders, as unpacked
source packages from PyPI have them for their tests. With `--cache DIR` each page is read once, and then only judged.
Ends with 1 where a goal is missed.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack
from pathlib import Path

import anyio

from ...server.files import LocalReader, NotReadHere
from .case import Case
from .corpus import corpus_cases
from .judging import Judged
from .made import made_cases
from .reading import MAX_PAGE_S, KeptReadings

PAGES = 170  # with more than a thousand changes
CORPUS_PAGES = 300


async def judged(title: str, cases: AsyncIterator[Case], readings: KeptReadings) -> Judged:
    result = Judged(title)
    async for case in cases:
        try:
            result.add(case, await readings.read(case.picture))
        except NotReadHere as why:
            print(f"  {case.name} was not read: {why}")
    return result


async def made(count: int) -> AsyncIterator[Case]:
    for case in made_cases(count):
        yield case


async def run(asked: argparse.Namespace, kept: Path) -> list[str]:
    """The goals that are missed."""
    left_out: Counter[str] = Counter()
    async with LocalReader(timeout_s=MAX_PAGE_S) as reader:
        readings = KeptReadings(reader, kept)
        results = [await judged("Made pages", made(asked.pages), readings)]
        results[0].show(asked.show)
        results[0].show_confusions()
        if asked.folder:
            cases = corpus_cases(asked.folder, asked.corpus_pages, kept, left_out)
            results.append(await judged("Other people's pages", cases, readings))
            tell_left_out(left_out)
            results[1].show(asked.show)
    return [goal for result in results for goal in result.missed_goals()]


def tell_left_out(left_out: Counter[str]) -> None:
    print(f"\nOther people's pages that were left out: {left_out.total()}")
    for why, count in left_out.most_common():
        print(f"  {count:5} {why}")


def asked(arguments: Iterable[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="*", help="with PDFs of other people")
    parser.add_argument("--pages", type=int, default=PAGES, help="of the made set")
    parser.add_argument("--corpus-pages", type=int, default=CORPUS_PAGES, help="of the PDFs, at most")
    parser.add_argument("--cache", type=Path, help="a folder where pages and readings are kept")
    parser.add_argument("--show", type=int, default=0, help="how many misjudged pages of each set to print")
    return parser.parse_args(arguments if arguments is None else list(arguments))


def main() -> int:
    given = asked()
    with ExitStack() as stack:
        kept = given.cache or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kept.mkdir(parents=True, exist_ok=True)
        missed = anyio.run(run, given, kept)
    print("\n" + ("\n".join(f"GOAL MISSED: {goal}" for goal in missed) or "All goals are met."))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
