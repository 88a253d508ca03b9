"""What an OCR model answered, in one form whichever it came in: text, lines with their places, fields.

Answers: https://help.aliyun.com/zh/model-studio/qwen-vl-ocr-api-reference. Beside its text a model may say what it
found (`ocr_result`), with places in pixels of the image it was sent; in its text places are 0 to 1000 of each side, but
for models of Qwen2.5-VL, which tell pixels there too.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import cos, radians, sin
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from ...catalog import Frozen
from ...files.read_here import PageGeometry, Unit
from ...files.readings import Point
from ...json_text import NoJson, json_of
from ...text import first_few
from .tasks import OcrTask

FENCE = re.compile(r"\s*```[\w-]*[ \t]*\n(.*?)(?:\n?```\s*)?\Z", re.DOTALL)
THINKING = re.compile(r"\s*<think>(?:.*?</think>|.*\Z)\s*", re.DOTALL)
ABSOLUTE_PLACES = re.compile(r"qwen2\.5-vl")
MAX_PERMILLE = 1000
NO_PERMILLE = "its places go over 1000, so they are no permille, and of what they are pixels is not known: left out"
NO_FIELDS = "the answer holds no fields, only this text: call again, or use `extract`"
NO_CORNERS = "the answer tells no places of its lines: leave model empty, or name an OCR model"


Corners = Annotated[
    tuple[Point, ...],
    WithJsonSchema({"type": "array", "items": {"type": "array", "items": {"type": "number"}}}),
    Field(description="[x, y] of four, clockwise from top left"),
]


class TextLine(Frozen):
    text: str
    corners: Corners
    unit: Unit
    read_here: bool = Field(
        False, description="Its place is told by this machine, not by the model", exclude_if=lambda v: not v
    )


@dataclass(frozen=True)
class Transcript:
    """`problem`: what of the answer could not be understood; `note`: what is missing in it."""

    text: str = ""
    lines: tuple[TextLine, ...] = ()
    fields: Any = None
    problem: str = ""
    note: str = ""

    @property
    def empty(self) -> bool:
        return not self.text.strip() and not _says(self.fields)

    @property
    def words(self) -> str:
        """All that was read, as text."""
        return self.text or " ".join(_leaves(self.fields))


def transcript(task: OcrTask, said: str, found: Mapping[str, Any], geometry: PageGeometry) -> Transcript:
    """An answer as data. What is not understood is kept as text, and told."""
    text = unfenced(without_thinking(said))
    if task.name == "key_information_extraction":
        read = _with_fields(text, found.get("kv_result"))
        left_out = [] if read.problem else list(_absent(task.fields, read.fields))
        return replace(read, note=f"not in the answer: {first_few(left_out)}") if left_out else read
    if task.name == "advanced_recognition":
        return _with_lines(text, found.get("words_info"), geometry)
    return Transcript(text)


def tells_pixels(model: str) -> bool:
    """Whether a model's text tells places in pixels: Qwen2.5-VL does; those before and after it tell permille."""
    return ABSOLUTE_PLACES.search(model.lower()) is not None


def without_thinking(said: str) -> str:
    """What a model thought before its answer is not on the page."""
    thought = THINKING.match(said)
    return said[thought.end() :] if thought else said


def unfenced(text: str) -> str:
    fenced = FENCE.fullmatch(text)
    return fenced[1].rstrip("`\n") if fenced else text


def _with_fields(text: str, found: Any) -> Transcript:
    if isinstance(found, dict | list) and found:
        return Transcript(fields=found)
    try:
        return Transcript(fields=json_of(text))
    except NoJson:
        return Transcript(text, problem=NO_FIELDS if text.strip() else "")


def _absent(wanted: Any, found: Any, path: str = "") -> Iterator[str]:
    """Fields that were asked for and are not in an answer, by their paths; those without a value are in it."""
    if isinstance(wanted, list):
        wanted, found = wanted[0], found if isinstance(found, list) else [found]
    rows = [row for row in (found if isinstance(found, list) else [found]) if isinstance(row, dict)]
    if not isinstance(wanted, Mapping) or (not rows and path):
        return
    for name, inner in wanted.items():
        values = [row[name] for row in rows if name in row]
        if not values:
            yield f"{path}{name}"
        for value in values[:1]:
            yield from _absent(inner, value, f"{path}{name}.")


def _with_lines(text: str, found: Any, geometry: PageGeometry) -> Transcript:
    told = _rows(_json(text))
    rows = _rows(found)
    if rows and not (told and _where(rows[0]) and _where(rows[0]) == _where(told[0])):
        return _lines(text, [_in_pixels(row, geometry) for row in rows])
    rows = rows or told  # the same numbers in both places are the text's
    if geometry.told_in_pixels:
        return _lines(text, [_in_pixels(row, geometry) for row in rows])
    if any(number > MAX_PERMILLE for row in rows for number in _where(row)):
        lines = [TextLine(text=_text(row), corners=(), unit="permille") for row in rows]
        return _lines(text, lines, NO_PERMILLE)
    return _lines(text, [_in_permille(row, geometry) for row in rows])


def _lines(text: str, lines: list[TextLine], note: str = "") -> Transcript:
    if not lines:
        return Transcript(text, problem=NO_CORNERS if text.strip() else "")
    return Transcript("\n".join(line.text for line in lines), tuple(lines), note=note)


def _in_pixels(row: Mapping[str, Any], geometry: PageGeometry) -> TextLine:
    return TextLine(text=_text(row), corners=geometry.from_pixels(_corners(row)), unit=geometry.unit)


def _in_permille(row: Mapping[str, Any], geometry: PageGeometry) -> TextLine:
    """A rotated rectangle is skewed by sides of unequal length, so its corners come first, then their scale."""
    corners, unit = geometry.from_permille(_corners(row))
    return TextLine(text=_text(row), corners=corners, unit=unit)


def _json(text: str) -> Any:
    """The list in a text; where it was cut off, up to its last whole row."""
    for candidate in (text, text[: text.rfind("}") + 1] + "]"):
        try:
            return json_of(candidate)
        except NoJson:
            continue
    return None


def _rows(value: Any) -> list[Mapping[str, Any]]:
    if isinstance(value, dict):
        value = value.get("words_info") or [value]
    return [row for row in value if isinstance(row, dict) and _text(row)] if isinstance(value, list) else []


def _text(row: Mapping[str, Any]) -> str:
    for name in ("text", "text_content", "label"):
        if isinstance(row.get(name), str):
            return str(row[name])
    return ""


def _where(row: Mapping[str, Any]) -> list[Any]:
    return next((row[name] for name in ("location", "rotate_rect", "bbox_2d", "bbox") if _numbers(row.get(name))), [])


def _corners(row: Mapping[str, Any]) -> list[Point]:
    """Four corners clockwise from the top left one; none where the row tells no place."""
    numbers = _numbers(row.get("location"))
    if len(numbers) == 8:
        return list(zip(numbers[::2], numbers[1::2], strict=True))
    numbers = _numbers(row.get("rotate_rect"))
    if len(numbers) == 5:
        return _of_rectangle(*numbers)
    numbers = _numbers(row.get("bbox_2d") or row.get("bbox"))
    if len(numbers) == 4:
        left, top, right, bottom = numbers
        return [(left, top), (right, top), (right, bottom), (left, bottom)]
    return []


def _of_rectangle(x: float, y: float, width: float, height: float, angle: float) -> list[Point]:
    """Turned by `angle` degrees, clockwise as y grows downwards; at 90 and -89 width and height are swapped."""
    c, s = cos(radians(angle)), sin(radians(angle))
    half = [(-width / 2, -height / 2), (width / 2, -height / 2), (width / 2, height / 2), (-width / 2, height / 2)]
    corners = [(x + dx * c - dy * s, y + dx * s + dy * c) for dx, dy in half]
    first = min(range(4), key=lambda at: (round(sum(corners[at]), 3), corners[at][1]))
    return corners[first:] + corners[:first]


def _numbers(value: Any) -> list[float]:
    plain = isinstance(value, list) and all(
        isinstance(each, int | float) and not isinstance(each, bool) and abs(each) < 10**7 for each in value
    )
    return [float(each) for each in value] if plain else []


def _says(value: Any) -> bool:
    return any(leaf.strip() for leaf in _leaves(value))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)
    elif value is not None:
        yield str(value)
