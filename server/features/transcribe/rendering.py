"""What was said, in the form that was asked for."""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Literal

from pydantic import Field

from ...calls.ask import Exchange
from ...catalog import Frozen
from ...dashscope import SpokenSentence
from .subtitles import srt, vtt

TranscriptForm = Literal["text", "srt", "vtt", "json"]


class Segment(Frozen):
    """A sentence; times from the beginning. Null: not told."""

    start_ms: int | None = None
    end_ms: int | None = None
    text: str
    speaker: int | None = Field(None, exclude_if=lambda v: v is None)


NOTHING_TO_WRITE = "NOT WRITTEN: there are no words to write"
SILENT = "NO SPEECH: nothing that is said was heard in it"
NO_TIMES = "INCOMPLETE: the model told no times, so these are no subtitles but the text"


def in_form(exchange: Exchange, form: TranscriptForm) -> tuple[str, str]:
    """The text, and what is to be said of it: that there is none, or that it is no subtitles."""
    sentences = exchange.heard.sentences if exchange.heard else ()
    if not exchange.text.strip() and not any(each.text.strip() for each in sentences):
        return "", SILENT
    if form == "json":
        rows = (json.dumps(each.model_dump(), ensure_ascii=False) for each in segments_of(exchange))
        return "[\n" + ",\n".join(rows) + "\n]", ""  # a line a sentence: an agent pays for each indent
    if form == "text":
        return _by_speaker(sentences) or exchange.text, ""
    subtitles = srt(sentences) if form == "srt" else vtt(sentences)
    return (subtitles, "") if "-->" in subtitles else (exchange.text, NO_TIMES)


def _by_speaker(sentences: Sequence[SpokenSentence]) -> str:
    """A paragraph for each turn; empty where speakers are not told."""
    if all(each.speaker is None for each in sentences):
        return ""
    turns = ((speaker, list(said)) for speaker, said in groupby(sentences, key=lambda each: each.speaker))
    return "\n".join(
        f"{'Somebody' if speaker is None else f'Speaker {speaker}'}: {_joined([each.text for each in said])}"
        for speaker, said in turns
    )


def _joined(texts: Sequence[str]) -> str:
    """With a space where letters of words would touch."""
    whole = ""
    for text in texts:
        touches = whole[-1:].isascii() and text[:1].isascii() and not whole[-1:].isspace()
        whole += f" {text}" if whole and text and touches else text
    return whole.strip()


def segments_of(exchange: Exchange) -> tuple[Segment, ...]:
    """Each sentence that has words."""
    sentences = exchange.heard.sentences if exchange.heard else ()
    return tuple(
        Segment(start_ms=each.start_ms, end_ms=each.end_ms, text=each.text, speaker=each.speaker)
        for each in sentences
        if each.text.strip()
    )


def voice_of(exchange: Exchange) -> tuple[str, str]:
    """The language and the emotion, as far as they are told."""
    return (exchange.heard.language, exchange.heard.emotion) if exchange.heard else ("", "")
