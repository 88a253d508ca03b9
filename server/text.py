"""Words: what is said to people and models, short and without what hides; pydantic's complaints made plain."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Control characters but tab and line feed, what reorders text or hides in it, tags, and noncharacters
HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
JOINERS = "\u200c\u200d\ufe00-\ufe0f"  # parts of emoji and of Persian words: kept in texts, needless on a line
SURROGATES = "\ud800-\udfff"
LINE_ENDS = re.compile("[\u2028\u2029]")
UNSEEN = re.compile(rf"[\s{HIDDEN}{JOINERS}{SURROGATES}\u2028\u2029]+")
UNSAFE = re.compile(f"[{HIDDEN}{SURROGATES}]")
# A page of a gateway, or a piece of one: it begins with a tag, closes one, or holds one of a page
MARKUP = re.compile(
    r"\s*<[a-z!?/]|.*?(?:</[a-z]|<(?:!doctype|!--|\?xml|(?:html|head|body|title|script|style|center|div|span|h[1-6]|[hb]r|"
    r"p|a|img|iframe|meta|link|svg|form)\b|[a-z][\w:-]*\s[^<>]*=))",
    re.IGNORECASE | re.DOTALL,
)
PAGE_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]{0,1000})", re.IGNORECASE)
STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|\r(?!\n)")
HALF_A_PAIR = "half of a surrogate pair (a broken emoji)"
THOUGHT_TAGS = (("<think>", "</think>"), ("[THINK]", "[/THINK]"), ("◁think▷", "◁/think▷"))
FIRST_FEW = 5
MAX_PRINTABLE_CHARS = 80
COMMAS = re.compile("[,，、]")  # Chinese keyboards have two more


def clip(text: str, max_chars: int) -> str:
    """Text from outside on one line, without what hides, and not longer than that."""
    line = UNSEEN.sub(" ", text).strip()
    return line if len(line) <= max_chars else line[: max_chars - 1] + "…"


def visible(text: str) -> str:
    """Text from outside in its lines, without what hides in it or reorders it."""
    return UNSAFE.sub("", LINE_ENDS.sub("\n", text))


def without_markup(text: str) -> str:
    """Text from outside; of a page of HTML or XML its title alone, since the rest is nobody's words to us."""
    if not MARKUP.match(UNSAFE.sub("", text)):
        return text
    title = PAGE_TITLE.search(text)
    return re.sub("[<>]", " ", html.unescape(title[1])) if title else ""


def revealed(text: str) -> tuple[str, int]:
    """A text with what steers a terminal or reorders a line made visible, the rest verbatim; and how much that was."""
    return STEERING.subn(lambda found: f"<U+{ord(found[0]):04X}>", text)


def printable(name: str) -> str:
    """A name from outside, fit for a sentence: short, and without what could hide or reorder text. It keeps its ending,
    which says what it is.
    """
    short = name if len(name) <= MAX_PRINTABLE_CHARS else f"{name[: MAX_PRINTABLE_CHARS - 20]}…{name[-19:]}"
    return "".join(c if c.isprintable() else "?" for c in short)


def first_few(names: Iterable[str]) -> str:
    """The first few, each once, and how many more."""
    listed = list(dict.fromkeys(names))
    more = f" and {len(listed) - FIRST_FEW} more" if len(listed) > FIRST_FEW else ""
    return f"{', '.join(listed[:FIRST_FEW])}{more}"


def listed_names(text: str) -> list[str]:
    """Of a list that is one text."""
    return [name.strip() for name in COMMAS.split(text) if name.strip()]


def is_sendable(text: str) -> bool:
    """Whether UTF-8 can carry it: half of a surrogate pair would stop the host's wire with everything on it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def repair_surrogates(text: str) -> str:
    """The text as it can be sent: pairs are joined, what stays alone becomes U+FFFD."""
    if is_sendable(text):
        return text
    return text.encode("utf-16", errors="surrogatepass").decode("utf-16", errors="replace")


# --- pydantic's complaints ---

PLAIN_WORDS = {
    "missing": "is required",
    "extra_forbidden": "is not an argument",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "model_attributes_type": "must be an object",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "decimal_parsing": "must be a number",
    "decimal_type": "must be a number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
}
MAX_COMPLAINTS = 10


def complaints(details: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences for `ValidationError.errors()`, the first few of them."""
    more = len(details) - MAX_COMPLAINTS
    return [f"{complaint(each)}." for each in details[:MAX_COMPLAINTS]] + ([f"And {more} more."] if more > 0 else [])


def complaint(details: Mapping[str, Any]) -> str:
    """One entry of `ValidationError.errors()` as a sentence without its full stop."""
    return f"{place(details)} {_what(details)}".strip()


def place(details: Mapping[str, Any]) -> str:
    parts = details["loc"]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{printable(str(part))}" for part in parts).lstrip(".")


def _what(details: Mapping[str, Any]) -> str:
    kind, limits = details["type"], details.get("ctx") or {}
    if kind == "string_pattern_mismatch":
        return "must not be empty" if limits.get("pattern") == r"\S" else "holds characters that it cannot have"
    if kind == "too_long":
        return f"must have at most {limits.get('max_length')} items"
    if kind == "string_too_long":
        return f"must have at most {limits.get('max_length')} characters"
    if kind == "value_error":
        return str(details["msg"]).removeprefix("Value error, ")
    said = str(details["msg"]).replace("Input should be", "must be")
    return PLAIN_WORDS.get(kind) or said[:1].lower() + said[1:]


def thoughts_apart(text: str) -> tuple[str, str]:
    """The reasoning that a model wrote before its answer, and the answer, where the server does not part them.

    A template may have written the first tag for the model; a text that was cut may lack the last.
    """
    for opening, closing in THOUGHT_TAGS:
        begun = text.lstrip().startswith(opening)
        thought, end, answer = text.partition(closing)
        if begun or (end and opening not in thought and (thought.endswith("\n") or answer.startswith("\n"))):
            return thought.lstrip().removeprefix(opening).strip(), answer.lstrip()
    return "", text


def shown(text: str) -> str:
    """A text of others in a table: without control characters and what reorders a line."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def inert(text: str) -> str:
    """As a spreadsheet shows it, and does not run it."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
