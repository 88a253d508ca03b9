"""Images that are together too large for one request are made smaller, by no more than that takes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...calls.call import Call
from ...errors import InvalidRequest
from ...files import ImageFile, open_input

MARGIN_BYTES = 200_000  # of a request: its parameters, and an answer that is sent back to be repaired
# JPEG quality, and the share of the pixels: at the last one letters of ten points on A4 are still 16 pixels high
SMALLER_STEPS = ((80, 1.0), (70, 1.0), (60, 1.0), (50, 1.0), (50, 0.7), (50, 0.5))


async def images_that_fit(
    call: Call, images: Sequence[dict[str, Any]], *texts: str
) -> tuple[tuple[dict[str, Any], ...], tuple[str, ...]]:
    """The images as they fit into one request beside these texts, and what is to be noted of it.

    What does not fit at the lowest quality either is left to be refused, before it is sent.
    """
    most = call.context.host.body_bytes
    if not images:
        return (), ()
    uris = {number: uri for number, image in enumerate(images) if (uri := _data_uri(image))}
    others = [image for number, image in enumerate(images) if number not in uris]
    room = (most or 0) - MARGIN_BYTES - sum(map(_size_bytes, (*texts, *others)))
    if not most or sum(map(len, uris.values())) <= room:
        return tuple(images), ()
    parts, steps = list(images), list[int]()
    async with call.heartbeat("making the images smaller"):
        for number in sorted(uris, key=lambda each: len(uris[each]), reverse=True):
            share = _share(list(map(len, uris.values())), room)
            uri, step = await _smaller(call, uris.pop(number), share)
            parts[number] = {**parts[number], "image_url": {"url": uri}}
            steps.append(step)
            room -= len(uri)
    return tuple(parts), _told(steps)


def _size_bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _told(steps: Sequence[int]) -> tuple[str, ...]:
    if not any(steps):
        return ()
    quality, share = SMALLER_STEPS[max(steps) - 1]
    pixels = f" and {share:.0%} of their pixels" if share < 1 else ""
    which = f"{sum(map(bool, steps))} of {len(steps)} images, at JPEG quality {quality} or better{pixels}"
    return (f"Made smaller to fit into one request: {which}. Small letters may be misread: give fewer files at once.",)


def _data_uri(part: Mapping[str, Any]) -> str:
    url = str(part.get("image_url", {}).get("url", ""))
    return url if url.startswith("data:") else ""


def _share(sizes: list[int], room: int) -> int:
    """What each may have at most, so that all fit: the small ones leave the others what they do not need."""
    left = room
    for count, size in enumerate(sorted(sizes)):
        if size * (len(sizes) - count) > left:
            return left // (len(sizes) - count)
        left -= size
    return max(sizes)


async def _smaller(call: Call, uri: str, share: int) -> tuple[str, int]:
    """The image in at most so many characters, as far as that goes; and the number of the step that took."""
    best, taken = uri, 0
    if len(uri) <= share:
        return best, taken
    try:
        async with open_input(uri, (), call.context.renderer) as image:
            for step, (quality, pixels) in enumerate(SMALLER_STEPS, 1):
                if not isinstance(image, ImageFile) or len(best) <= share:
                    break
                smaller = (await image.squeezed(quality, pixels)).data_uri
                best, taken = (smaller, step) if len(smaller) < len(best) else (best, taken)
    except InvalidRequest:  # a photo that is handed on unread, perhaps
        return best, taken
    return best, taken
