"""Text files, as people have them."""

import re

from ..errors import InvalidRequest

HAN_RUN = re.compile("[a-z]?[\u3400-\u9fff]+")
NO_TEXT = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\ue000-\uf8ff\ufffe\uffff]")  # of binary files and wrong encodings


def decoded(content: bytes, name: str) -> str:
    """UTF-8, UTF-16 with its mark, GB 18030 as older Chinese files are.

    Raises:
        InvalidRequest: none of them.
    """
    encodings = ("utf-16",) if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        western = encoding == "gb18030" and _is_western(text)
        if text.strip() and not NO_TEXT.search(text) and not western:
            return text
    raise InvalidRequest(
        f"{name} holds no text that can be read: tried UTF-8, UTF-16 with its mark, and GB 18030. Save it as UTF-8, or "
        "give a PDF with text, or an image."
    )


def _is_western(text: str) -> bool:
    """Whether what looks like Chinese are letters with marks of a Western encoding: each stands alone within a word."""
    runs: list[str] = HAN_RUN.findall(text)
    alone = sum(len(run) == 2 and run[0].isascii() for run in runs)
    return alone > 1 and 2 * alone > len(runs)
