"""The made set: the pages of `benchmarks/truth`, drawn, and then photographed in turn in each way."""

from collections import Counter
from collections.abc import Iterator
from random import Random

from ..truth.drawing import BOXES, PHOTOGRAPHED, drawn, photographed, plain
from ..truth.marks import placed
from ..truth.page import Block, Item, Page, Pairs, Table
from ..truth.readings import GENRES, RARE, changes, traits_of
from ..truth.rendering import layer_text, reading_text
from .case import Case

SEED = 20261127
FIRST = 10_000  # of the places: none of these pages is one of the rare ones
# What would be said of the layer alone: the page is drawn without it
NOT_DRAWN = {*RARE.values(), "numbers split by kerning"}


def made_cases(count: int) -> Iterator[Case]:
    rng, used = Random(SEED), Counter[str]()
    for at in range(count):
        page = GENRES[at % len(GENRES)](rng)
        traits = frozenset(traits_of(page, FIRST + at, rng)) - NOT_DRAWN
        how = PHOTOGRAPHED[(at // len(GENRES) + at) % len(PHOTOGRAPHED)]
        image = drawn(page, rng)
        perfect = placed(reading_text(page, traits, rng))
        changed = changes(perfect, False, used, rng)
        yield Case(
            name=f"{page.genre} {at}",
            picture=photographed(image, how, rng),
            truth=_as_drawn(page),
            layer=layer_text(page, traits, Random(at)),
            perfect=perfect.text,
            changed=changed,
            traits={"photograph": how, "language": page.language, "page": _kind(page)},
        )


def _as_drawn(page: Page) -> str:
    return plain("\n".join([page.header, *map(_block, page.blocks), page.footer]))


def _block(block: Block) -> str:
    if isinstance(block, Table):
        return "\n".join([block.caption, *("  ".join(row) for row in (block.head, *block.rows))])
    if isinstance(block, Pairs):
        return "\n".join(f"{label}: {value}" for label, value in block.pairs)
    return f"{BOXES[block.ticked]}{block.text}" if isinstance(block, Item) else block.text


def _kind(page: Page) -> str:
    return "with a table" if any(isinstance(block, Table) for block in page.blocks) else "prose"
