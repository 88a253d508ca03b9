"""A short answer, reduced to what it says: yes or no, a choice, a number with its unit, or its words."""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from .figures import Figure, figures_in, in_one_form

MAX_SHORT_CHARS = 80
MAX_NAME_WORDS = 5  # and as many Chinese characters three times: more is a sentence, which can be said otherwise
MARKS_OF_STYLE = re.compile(r"[*_`]+(?=\S)|(?<=\S)[*_`]+")
FORMULA = re.compile(r"\\boxed\{([^{}]*)\}|\$([^$\s](?:[^$\n]*[^$\s])?)\$")
ANSWER_WORD = re.compile(  # and signs that change what is meant
    r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+(?:[.'-][^\W_\u3400-\u9fff]+)*[+#]{0,2}|[$€£¥₹%<>≤≥±~]|(?<!\w)-(?=\d)"
)
HEDGES = frozenset({"about", "approximately", "roughly", "around", "circa", "~", "约", "大"})
ARTICLES = frozenset({"a", "an", "the"})
ENDS = r"(?=\s*(?:$|[,.!;:，。！；：、]))"
YES = re.compile(rf"(?:yes|true|correct|right|是的?|对的?|正确|真的?|可以|能|有){ENDS}")
NO = re.compile(rf"(?:no|false|incorrect|wrong|不是|不对|否|错误?|不正确|假的?|不可以|不能|没有|不){ENDS}")
CHOICE = re.compile(rf"(?:(?:option|choice|answer|选项?|答案)\s*(?:is|是|为|:)?\s*)?\(?([a-h])\)?(?:{ENDS}|(?<=\)))")
LEAD_IN = re.compile(r".*(?:\b(?:is|are|was|were)\b|[是为叫在]|:)\s*(?=\w)")
NO_PLAIN_NAME = re.compile(r"\d|\b(?:not|no|never|neither|nor|without)\b|n't\b|[不没非无未]")
UNIT_AFTER = re.compile(r"\s?([^\W\d_]{1,12}[²³]?|°\s?[a-z]?)")
UNIT_BEFORE = re.compile(r"([$€£¥₹])\s?$")


@dataclass(frozen=True)
class Gist:
    """Of one answer."""

    text: str

    @cached_property
    def plain(self) -> str:
        text = in_one_form(self.text)
        for _ in ("$", "boxed"):  # one may stand in the other
            text = FORMULA.sub(lambda found: found[1] or found[2] or "", text)
        return MARKS_OF_STYLE.sub("", text).strip()

    @property
    def short(self) -> bool:
        return len(self.plain) <= MAX_SHORT_CHARS and "\n" not in self.plain

    @cached_property
    def words(self) -> tuple[str, ...]:
        return _words(self.plain)

    @cached_property
    def core(self) -> tuple[str, ...]:
        """What stands behind `the answer is`."""
        return _words(LEAD_IN.sub("", self.plain))

    @property
    def verdict(self) -> bool | None:
        return True if YES.match(self.plain) else False if NO.match(self.plain) else None

    @property
    def choice(self) -> str:
        found = CHOICE.match(self.plain)
        return found[1] if found else ""

    @cached_property
    def number(self) -> Figure | None:
        """If it is the only one."""
        found = figures_in(self.plain)
        return found[0] if len(found) == 1 else None

    @cached_property
    def unit(self) -> str:
        if self.number is None:
            return ""
        after = UNIT_AFTER.match(self.plain, self.number.end)
        before = UNIT_BEFORE.search(self.plain[: self.number.start])
        return before[1] if before else after[1].strip() if after else ""

    @property
    def beside_number(self) -> tuple[str, ...]:
        """The other words of the core."""
        assert self.number
        rest = f"{self.plain[: self.number.start]} 0 {self.plain[self.number.end :]}"
        gone = {"0", *_words(self.unit), *HEDGES}
        return tuple(word for word in _words(LEAD_IN.sub("", rest)) if word not in gone)

    def same_as(self, other: "Gist") -> bool | None:
        """Whether both say the same, as they are written; None: that is not to be seen from the words."""
        if self.words == other.words and (self.words or self.plain == other.plain):
            return True
        if not (self.short and other.short):
            return None
        if self.verdict is not None and other.verdict is not None:
            return self.verdict == other.verdict
        if self.choice and other.choice:
            return self.choice == other.choice
        return self._same_number(other) if self.number and other.number else self._same_words(other)

    def _same_number(self, other: "Gist") -> bool | None:
        """In other units the same may be another number; and beside other words it is of something else."""
        assert self.number
        assert other.number
        if self.unit and other.unit and self.unit != other.unit:
            return None
        same = bool(self.number.values & other.number.values)
        return None if same and self.beside_number != other.beside_number else same

    def _same_words(self, other: "Gist") -> bool | None:
        """Names can be told apart; what holds digits or a denial is not understood here."""
        if any(NO_PLAIN_NAME.search(gist.plain) for gist in (self, other)):
            return None
        if self.core == other.core:
            return True if self.core else None
        named = _is_name(self.core) and _is_name(other.core)
        return False if named and not (_within(self.core, other.core) or _within(other.core, self.core)) else None


def shared_words(one: Gist, other: Gist) -> float:
    """How many of their words two answers share, pairs of neighbours counted: 0 to 1."""
    pairs, others = (set(pairwise((*gist.words, ""))) for gist in (one, other))
    return 2 * len(pairs & others) / max(1, len(pairs) + len(others))


def _words(plain: str) -> tuple[str, ...]:
    return tuple(word for word in ANSWER_WORD.findall(plain) if word not in ARTICLES)


def _is_name(words: tuple[str, ...]) -> bool:
    return 0 < len(words) <= MAX_NAME_WORDS * (3 if all(len(word) == 1 for word in words) else 1)


def _within(words: tuple[str, ...], others: tuple[str, ...]) -> bool:
    return any(others[at : at + len(words)] == words for at in range(len(others) - len(words) + 1))
