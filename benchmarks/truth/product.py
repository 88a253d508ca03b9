"""The product's own functions, put in here and nowhere else; the set knows nothing of them."""

from typing import Literal

from ...server.features.ocr.quality import disagreement
from ...server.features.ocr.tasks import ocr_task
from ...server.features.ocr.transcripts import PageGeometry, transcript
from .values import Json

NOT_YET = "the measured functions are put in here"


def doubts(layer: str, reading: str) -> bool:
    """Whether a page is doubted, from the text of its PDF and what a model read."""
    read = transcript(ocr_task("document_parsing", None), reading, {}, PageGeometry())
    return bool(disagreement(read.words, layer, partly=False))


def look_up(value: Json, text: str) -> Literal["found", "alike", "absent"]:
    """Whether a value stands in a text."""
    raise NotImplementedError(NOT_YET)


def places(value: Json, text: str) -> int:
    """In how many places a value that is found stands."""
    raise NotImplementedError(NOT_YET)
