"""Text in one width and case, so that two readings of a page can be held against each other."""

import re
import unicodedata

# Raised digits: to a power after a digit, plain after a letter
RAISED = {ord(high): low for high, low in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-", strict=True)}
RAISED_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]{1,20}")
# Digits above and below a bar
DRAWN_FRACTION = re.compile("([⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})[⁄/]([₀₁₂₃₄₅₆₇₈₉]{1,3})|([⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})⁄(\\d{1,3})")
MIXED_FRACTION = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")
DASHES = str.maketrans("−﹣－‐‑⁃–", "-------")
BLANKS = re.compile(r"\s+")


def plain_words(text: str) -> str:
    """In one width and case."""
    text = DRAWN_FRACTION.sub(lambda found: unicodedata.normalize("NFKC", f" {found[0]}"), text)
    text = MIXED_FRACTION.sub(" ", RAISED_RUN.sub(_raised, text))
    text = unicodedata.normalize("NFKC", text.translate(DASHES)).replace("⁄", "/").translate(DASHES)
    return text.casefold()


def _raised(found: re.Match[str]) -> str:
    digits = found[0].translate(RAISED)
    before = found.string[found.start() - 1 : found.start()]
    return f"^{digits}" if before.isdigit() else digits
