"""What the sandbox reads off an image, in the form that was asked for: that it reads nothing, or what was read here."""

import base64
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

OCR_EMPTY, OCR_LOOP, OCR_TRUNCATED = "sandbox-ocr-empty", "sandbox-ocr-loop", "sandbox-ocr-truncated"
DOUBTFUL = (OCR_EMPTY, OCR_LOOP, OCR_TRUNCATED)
Edges = tuple[int, int, int, int]  # left, top, right, bottom
PlacedText = tuple[str, Sequence[tuple[float, float]]]  # a line, and its corners in pixels of the image
USUAL_SIZE = (1000, 1000)


def recognised(
    name: str, options: Mapping[str, Any], url: str, read_here: Sequence[PlacedText] = ()
) -> tuple[str, dict[str, Any]]:
    """The text and the `ocr_result` of an image. `read_here`: its lines, where it was really read."""
    width, height = size_of(url)
    lines = ["这是沙箱的回答，没有识别图片。", f"收到一张 {width}x{height} 像素的图片。"]
    if read_here:
        lines = [text for text, _ in read_here]
    if name == OCR_EMPTY:
        return "", {}
    if name == OCR_LOOP:
        return "沙箱循环" * 400, {}
    task = (options.get("ocr_options") or {}).get("task", "text_recognition")
    if task == "advanced_recognition":
        places = [_edges(corners) for _, corners in read_here] or _stripes(len(lines), width, height)
        return _located(lines, places, width, height)
    if task == "key_information_extraction":
        schema = (options["ocr_options"].get("task_config") or {}).get("result_schema") or {"说明": ""}
        found = _filled(schema, " ".join(lines) if read_here else lines[1])
        return _fenced("json", json.dumps(found, ensure_ascii=False, indent=1)), {"kv_result": found}
    if task == "table_parsing":
        rows = "".join(f"<tr><td>{number}</td><td>{line}</td></tr>" for number, line in enumerate(lines, 1))
        return _fenced("html", f"<table>{rows}</table>"), {}
    if task == "document_parsing":
        return _fenced("latex", "\\section{沙箱}\n" + "\n\n".join(lines)), {}
    return ("E = mc^2" if task == "formula_recognition" else "\n".join(lines)), {}


def size_of(url: str) -> tuple[int, int]:
    """Of a PNG or JPEG that came with the request; of any other, some size."""
    if not url.startswith("data:"):
        return USUAL_SIZE
    content = base64.b64decode(url.partition(",")[2])
    if content.startswith(b"\x89PNG"):
        return struct.unpack(">II", content[16:24])
    at = 2
    while content.startswith(b"\xff\xd8") and at + 9 < len(content):
        kind, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return USUAL_SIZE


def _stripes(count: int, width: int, height: int) -> list[Edges]:
    """Of lines that nobody read: one below the other."""
    rows = [(height * (2 * number + 1) // 5, height * (2 * number + 2) // 5) for number in range(count)]
    return [(width // 10, top, width * 9 // 10, bottom) for top, bottom in rows]


def _edges(corners: Sequence[tuple[float, float]]) -> Edges:
    across, down = zip(*corners, strict=True)
    return round(min(across)), round(min(down)), round(max(across)), round(max(down))


def _located(lines: list[str], places: list[Edges], width: int, height: int) -> tuple[str, dict[str, Any]]:
    """Places in pixels beside the text, in thousandths of each side inside it."""
    found, told = [], []
    for line, (left, top, right, bottom) in zip(lines, places, strict=True):
        turned = [(left + right) // 2, (top + bottom) // 2, bottom - top, right - left, 90]
        corners = [left, top, right, top, right, bottom, left, bottom]
        found.append({"location": corners, "rotate_rect": turned, "text": line})
        sides = (width, height, height, width)
        thousandths = [round(1000 * value / side) for value, side in zip(turned, sides, strict=False)]
        told.append({"rotate_rect": [*thousandths, 90], "text": line})
    return _fenced("json", json.dumps(told, ensure_ascii=False)), {"words_info": found}


def _filled(schema: Any, text: str) -> Any:
    if isinstance(schema, dict):
        return {name: _filled(inner, text) for name, inner in schema.items()}
    return [_filled(schema[0], text)] if isinstance(schema, list) and schema else text


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"
