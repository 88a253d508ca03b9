"""How many tokens a picture or a text is, before it is sent.

Pictures: formula and limits of https://help.aliyun.com/zh/model-studio/vision, an upper estimate (recorded replies
never had more). Text: the pages say that a million tokens is about 0.7 million Chinese characters, and that a token is
3 to 4 English letters; a recorded tokenizer reply needed half as many for Chinese.
"""

import re
from dataclasses import dataclass
from math import ceil, floor, sqrt

from ..models import Model

MARKER_TOKENS = 2
MAX_PIXELS = {"vision": 2_621_440, "ocr": 8_388_608}
MAX_PIXELS_PATCH_28 = {"ocr": 6_422_528}  # models of the smaller patch
MIN_PIXELS = {"vision": 65_536, "ocr": 3_072}


def pixel_limit(kind: str, patch_px: int = 32) -> int:
    """What a larger image is shrunk to by DashScope, unless it is asked for more."""
    return (MAX_PIXELS_PATCH_28 if patch_px == 28 else MAX_PIXELS).get(kind, MAX_PIXELS[kind])


def pixels_for(name: str, model: Model | None) -> int:
    """The most pixels of an image that the model makes use of."""
    return pixel_limit(*seen_as(name, model))


def seen_as(name: str, model: Model | None) -> tuple[str, int]:
    """The kind whose pixel limits hold for a model, and its patch in pixels."""
    return ("ocr" if is_ocr(name, model) else "vision"), (model.image_patch_px if model else 32)


def is_ocr(name: str, model: Model | None) -> bool:
    """Whether it is made for reading; of a model that the catalog does not hold, its name tells."""
    return (model.type == "ocr" and model.endpoint is not None) if model else "ocr" in name.lower()


def image_tokens(
    width: int, height: int, *, patch_px: int = 32, kind: str = "vision", max_pixels: int | None = None
) -> int:
    """Tokens of one image of that size on a model of that patch; `kind` chooses the default pixel limits."""
    most, least, f = max_pixels or pixel_limit(kind, patch_px), MIN_PIXELS[kind], patch_px
    w, h = max(f, round(width / f) * f), max(f, round(height / f) * f)
    if w * h > most:
        shrink = sqrt(width * height / most)
        w, h = max(f, floor(width / shrink / f) * f), max(f, floor(height / shrink / f) * f)
    elif w * h < least:
        grow = sqrt(least / (width * height))
        w, h = ceil(width * grow / f) * f, ceil(height * grow / f) * f
    return min(w * h, most) // (f * f) + MARKER_TOKENS  # a very long strip would exceed the limit by its rounding


CJK_TOKENS = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef\U00020000-\U0003ffff]+")
TEMPLATE_TOKENS = 10  # what the chat template and the server add


@dataclass(frozen=True)
class TextTokens:
    """A guess between two bounds."""

    least: int
    likely: int
    most: int


def text_tokens(text: str) -> TextTokens:
    chinese = 0 if text.isascii() else len(text) - len(CJK_TOKENS.sub("", text))
    other = len(text) - chinese
    return TextTokens(
        least=ceil(chinese * 0.5 + other / 5),
        likely=ceil(chinese * 0.7 + other / 3.5) + TEMPLATE_TOKENS,
        most=ceil(chinese / 0.7 + other / 3) + TEMPLATE_TOKENS,
    )
