"""The product's own functions, put in here and nowhere else; the set knows nothing of them."""

from typing import Literal

from ...server.features.extract.evidence import evidence_of
from ...server.features.extract.searchable import SearchableText
from ...server.features.ocr.quality import disagreement
from ...server.features.ocr.tasks import ocr_task
from ...server.features.ocr.transcripts import transcript
from ...server.files.read_here import PageGeometry
from .values import Json


def doubts(layer: str, reading: str) -> bool:
    """Whether a page is doubted, from the text of its PDF and what a model read."""
    read = transcript(ocr_task("document_parsing", None), reading, {}, PageGeometry())
    return bool(disagreement(read.words, layer, partly=False))


def look_up(value: Json, text: str) -> Literal["found", "alike", "absent"]:
    """Whether a value stands in a text."""
    (evidence,), _ = evidence_of(value, {"text": SearchableText(text)})
    if not evidence.found:
        return "absent"
    return "alike" if evidence.alike else "found"


def places(value: Json, text: str) -> int:
    """In how many places a value that is found stands."""
    (evidence,), _ = evidence_of(value, {"text": SearchableText(text)})
    return evidence.places or 0
