"""Letters in fonts that do not say which letters they draw: in their place PDFium tells their codes, or others."""

from typing import Any

from pypdfium2 import raw

MAX_LETTERS_ASKED = 50_000  # of a page: some hundredths of a second


def count_unmapped(words: Any) -> int:
    """`words`: the text of a page."""
    letters = range(min(words.count_chars(), MAX_LETTERS_ASKED))
    return sum(raw.FPDFText_HasUnicodeMapError(words, at) == 1 and not _is_blank(words, at) for at in letters)


def _is_blank(words: Any, at: int) -> bool:
    return bool(raw.FPDFText_GetUnicode(words, at) == ord(" "))
