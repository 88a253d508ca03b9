"""How many tokens sound and film are, before they are sent: https://help.aliyun.com/zh/model-studio/qwen-omni

The page has no formula for qwen3.8-omni-flash, and none is known of models that are not Qwen's.
"""

import re
from dataclasses import dataclass
from math import ceil

from ..models import Model
from .tokens import MARKER_TOKENS


@dataclass(frozen=True)
class OmniFormula:
    """Of a series: sound a second, and film by its frames of so many pixels a token side."""

    audio_per_s: float
    max_frames: int
    patch_px: int = 32


OMNI = {
    re.compile(r"qwen3\.5-omni"): OmniFormula(7, 2_048),
    re.compile(r"qwen3-omni"): OmniFormula(12.5, 128),
    re.compile(r"qwen-omni-turbo|qwen2\.5-omni"): OmniFormula(25, 80, 28),
}
SEEN_BY_FORMULA = re.compile(r"(qwen|qvq)")
FRAMES_PER_S, MIN_FRAMES = 2, 2
MAX_FRAME_TOKENS = 640  # a larger frame is shrunk


def media_tokens(
    model: Model | None, kind: str, seconds: float | None, size_px: tuple[int, int] | None
) -> dict[str, int] | None:
    """At most, by modality; None: nobody knows. A film is its frames and its sound."""
    if model is None or seconds is None:
        return None
    formula = next((formula for name, formula in OMNI.items() if name.match(model.id)), None)
    heard = {"audio": ceil(max(1, seconds) * formula.audio_per_s)} if formula else None
    if kind == "audio":
        return heard
    if formula and heard:
        return {**heard, "video": _frames(seconds, formula, size_px)}
    if model.type == "omni" or size_px is None or not SEEN_BY_FORMULA.match(model.id):
        return None
    frames = max(MIN_FRAMES, ceil(seconds * FRAMES_PER_S))  # whether long films are thinned, no page says
    return {"video": ceil(frames / 2) * _patches(size_px, model.image_patch_px) + MARKER_TOKENS}


def _frames(seconds: float, formula: OmniFormula, size_px: tuple[int, int] | None) -> int:
    frames = min(formula.max_frames, max(MIN_FRAMES, ceil(seconds * FRAMES_PER_S)))
    each = min(MAX_FRAME_TOKENS, _patches(size_px, formula.patch_px)) if size_px else MAX_FRAME_TOKENS
    return ceil(frames / 2) * each + MARKER_TOKENS


def _patches(size_px: tuple[int, int], patch_px: int) -> int:
    return ceil(size_px[0] / patch_px) * ceil(size_px[1] / patch_px)
