"""Our own words in the language of a call: Chinese by the templates of zh_messages.toml, else English.

Code says what it has to say in English. What a model, a page or a file says is never given to `said`.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

MESSAGES = Path(__file__).parent / "zh_messages.toml"
HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
GAP = re.compile(r"\{(\d*)\}")  # in Chinese
GAPS = re.compile(r"(\{[*-]?\})")  # in English
SENTENCE_END = re.compile(r"[.?]\s+|\Z")
KINDS = {
    "{}": r"((?:(?![.?]\s).)+?)",  # never longer than a sentence, or one template would take in the one before it
    "{-}": r"(\S+?)",  # one word
    "{*}": r"(.*?)",  # somebody else's words: however many sentences, and none of them ours
}
MAX_CHARS = 2_500  # nothing of ours is longer, and what somebody puts into a gap may take its square to match
IN_CHINESE: ContextVar[bool] = ContextVar("in_chinese", default=False)


@contextmanager
def language_of(chosen: str, arguments: Any) -> Iterator[None]:
    """What is said meanwhile is said in that language; `auto`: in Chinese where the arguments hold any."""
    before = IN_CHINESE.set(chosen == "zh" or (chosen == "auto" and holds_chinese(arguments)))
    try:
        yield
    finally:
        IN_CHINESE.reset(before)


def language_now() -> Literal["zh", "en"]:
    """Of the call."""
    return "zh" if IN_CHINESE.get() else "en"


def holds_chinese(value: Any) -> bool:
    """Whether a text in it, or the name of one, holds Han characters."""
    left = [value]
    while left:  # no recursion: arguments may be nested deeply
        match left.pop():
            case str() as text if HAN.search(text):
                return True
            case Mapping() as inner:
                left += [*inner, *inner.values()]
            case list() | tuple() as inner:
                left += inner
    return False


def said(text: str) -> str:
    """A text of ours in the language of the call; a sentence without a template stays English."""
    return in_chinese(text) if IN_CHINESE.get() and len(text) <= MAX_CHARS else text


def in_chinese(text: str) -> str:
    parts, at = [], 0
    while at < len(text):
        chinese, end = _next_sentence(text, at)
        parts.append(chinese)
        at = end
    return "".join(parts)


def _next_sentence(text: str, at: int) -> tuple[str, int]:
    """What begins there, in Chinese if it can be, and where it ends."""
    fitting = [match for each in _templates() if (match := each.match(text, at))]
    if not fitting:
        ending = SENTENCE_END.search(text, at)
        end = ending.end() if ending else len(text)
        return text[at:end], end
    best = min(fitting, key=lambda found: (found.free_chars, -found.end))
    return best.chinese(), best.end


# --- templates ---


@dataclass(frozen=True)
class Found:
    """A template in its place. `free_chars`: how much of it was no word of the template's."""

    template: "Template"
    values: tuple[str, ...]
    end: int

    @property
    def free_chars(self) -> int:
        return sum(map(len, self.values))

    def chinese(self) -> str:
        values = [
            value if verbatim else in_chinese(value)
            for value, verbatim in zip(self.values, self.template.verbatim, strict=True)
        ]
        order = iter(range(len(values)))
        return GAP.sub(lambda gap: values[int(gap[1]) if gap[1] else next(order)], self.template.translation)


@dataclass(frozen=True)
class Template:
    """An English text with gaps, and the same in Chinese. `anchor`: its longest piece, to pass over it quickly."""

    pattern: re.Pattern[str]
    anchor: str
    verbatim: tuple[bool, ...]
    translation: str

    @classmethod
    def of(cls, english: str, chinese: str) -> "Template":
        """A sentence ends anywhere in a text, and so does what a colon ends; a piece of one at the end alone."""
        parts = GAPS.split(english)
        pattern = "".join(KINDS.get(part) or re.escape(part) for part in parts)
        end = r"(?: +|(?=\s)|\Z)" if english.endswith((".", ":", "?")) else r"\Z"
        verbatim = tuple(gap == "{*}" for gap in parts[1::2])
        return cls(re.compile(pattern + end, re.DOTALL), max(parts[::2], key=len), verbatim, chinese)

    def match(self, text: str, at: int) -> Found | None:
        if self.anchor not in text:
            return None
        found = self.pattern.match(text, at)
        return Found(self, found.groups(), found.end()) if found else None


@cache
def _templates() -> tuple[Template, ...]:
    """Made at the first Chinese call."""
    return tuple(Template.of(english, chinese) for english, chinese in messages().items())


def messages() -> dict[str, str]:
    """English -> Chinese, whichever file says it."""
    groups = tomllib.loads(MESSAGES.read_text("utf-8"))
    return {english: chinese for group in groups.values() for english, chinese in group.items()}
