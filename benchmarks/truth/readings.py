"""Pages, each with the text of its PDF, a perfect reading, and readings in which one number is wrong.

A perfect reading is what a careful person would pass: it may be set as a table, reflowed, without the page's furniture.
"""

from collections import Counter
from dataclasses import dataclass
from random import Random

from .changes import KINDS, Change, change
from .marks import Marked, placed
from .money_genres import MONEY_GENRES
from .page import Page
from .rendering import layer_text, reading_text
from .text_genres import TEXT_GENRES

SEED = 20240305
PAGES_A_GENRE = 10
CHANGES_A_PAGE = 6
GENRES = (*MONEY_GENRES, *TEXT_GENRES)
CHANCES = {
    "dates written anew": 0.1,
    "thousands not separated": 0.12,
    "groups of digits joined": 0.06,
    "numbers split by kerning": 0.12,
    "no header in the layer": 0.1,
    "no header in the reading": 0.25,
    "no page number in the layer": 0.12,
    "no page number in the reading": 0.3,
    "a watermark in the layer": 0.06,
    "a heading's shadow in the layer": 0.03,
    "two columns read across": 0.12,
    "blocks in another order in the layer": 0.1,
    "lines kept in the reading": 0.4,
    "numbers as formulas in the reading": 0.1,
    "fenced": 0.5,
}
CHINESE_CHANCES = {
    "full-width digits in the layer": 0.08,
    "full-width punctuation in the reading": 0.4,
    "letters without a code in the layer": 0.04,
}
WESTERN_CHANCES = {"words cut at line ends": 0.4, "ligatures in the layer": 0.2, "soft hyphens in the layer": 0.2}
# Nobody can tell these from a wrong number by the two texts alone: so few that the goal can be met with all doubted.
RARE = {
    17: "a number cut by the page's edge",
    121: "a number cut by the page's edge",
    203: "a stamp only the reading holds",
    66: "a watermark with a number in the layer",
    178: "a watermark with a number in the layer",
}


@dataclass(frozen=True)
class Case:
    name: str
    traits: frozenset[str]
    layer: str
    perfect: str
    changed: tuple[Change, ...]


def readings(seed: int = SEED) -> list[Case]:
    rng, used, cases = Random(seed), Counter[str](), list[Case]()
    for at in range(PAGES_A_GENRE * len(GENRES)):
        page = GENRES[at % len(GENRES)](rng)
        traits = traits_of(page, at, rng)
        layer = layer_text(page, traits, rng)
        perfect = placed(reading_text(page, traits, rng))
        changed = changes(perfect, "numbers split by kerning" in traits, used, rng)
        cases.append(Case(f"{page.genre} {at}", traits, layer, perfect.text, changed))
    return cases


def traits_of(page: Page, at: int, rng: Random) -> frozenset[str]:
    chances = CHANCES | (CHINESE_CHANCES if page.language == "zh" else WESTERN_CHANCES)
    traits = {trait for trait, chance in chances.items() if rng.random() < chance}
    traits.add(f"written as {rng.choices(['plain', 'markdown', 'HTML', 'LaTeX'], [35, 35, 18, 12])[0]}")
    traits.add(rng.choices(["rows read across", "columns read downwards", "a cell a line"], [60, 25, 15])[0])
    if page.genre in ("patent", "contract") and rng.random() < 0.5:
        traits.add("line numbers in the layer")
    return frozenset(traits | {RARE[at]} if at in RARE else traits)


def changes(perfect: Marked, split_layer: bool, used: Counter[str], rng: Random) -> tuple[Change, ...]:
    """Of the kinds that this page allows, those that were least used so far."""
    made: list[Change] = []
    for kind in sorted(rng.sample(KINDS, len(KINDS)), key=lambda kind: used[kind]):
        if (
            len(made) < CHANGES_A_PAGE
            and (one := change(kind, rng, perfect, split_layer))
            and one.reading != perfect.text
        ):
            made.append(one)
            used[kind] += 1
    return tuple(made)
