"""Subtitles of sentences with times: SubRip (srt) and WebVTT (https://www.w3.org/TR/webvtt1/).

The times are those that were told: a sentence is one cue, however long, and one without words is none.
"""

from collections.abc import Iterator, Sequence
from unicodedata import east_asian_width

from ...dashscope import SpokenSentence

LINE_COLUMNS = 42  # a wide character takes two
ARROW = "-->"  # what would begin a time of its own


def srt(sentences: Sequence[SpokenSentence]) -> str:
    cues = (
        f"{number}\n{_time(start, ',')} {ARROW} {_time(end, ',')}\n{_lines(sentence, _speaker(sentence))}\n"
        for number, (start, end, sentence) in enumerate(_timed(sentences), 1)
    )
    return "\n".join(cues)


def vtt(sentences: Sequence[SpokenSentence]) -> str:
    cues = (
        f"\n{_time(start, '.')} {ARROW} {_time(end, '.')}\n{_voice(sentence)}{_escaped(_lines(sentence))}\n"
        for start, end, sentence in _timed(sentences)
    )
    return "WEBVTT\n" + "".join(cues)


def _timed(sentences: Sequence[SpokenSentence]) -> Iterator[tuple[int, int, SpokenSentence]]:
    """Those that have words and times, by their beginnings; an end that comes too early is a millisecond late."""
    told = [each for each in sentences if each.text.strip() and each.start_ms is not None and each.end_ms is not None]
    for each in sorted(told, key=lambda each: each.start_ms or 0):
        assert each.start_ms is not None
        assert each.end_ms is not None
        yield each.start_ms, max(each.end_ms, each.start_ms + 1), each


def _time(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{ms:03}"


def _speaker(sentence: SpokenSentence) -> str:
    return "" if sentence.speaker is None else f"Speaker {sentence.speaker}: "


def _voice(sentence: SpokenSentence) -> str:
    return "" if sentence.speaker is None else f"<v Speaker {sentence.speaker}>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _lines(sentence: SpokenSentence, before: str = "") -> str:
    """Wrapped at words, or between wide characters; no line is empty, which would end the cue."""
    text = before + " ".join(sentence.text.replace(ARROW, "->").split())
    lines, line, columns = list[str](), "", 0
    for piece in _pieces(text):
        width = _columns(piece.rstrip())
        if line and columns + width > LINE_COLUMNS:
            lines.append(line.rstrip())
            line, columns = "", 0
        line += piece
        columns += _columns(piece)
    return "\n".join([*lines, line.rstrip()])


def _pieces(text: str) -> Iterator[str]:
    """Words with the space behind them; a wide character alone, with what may not begin a line."""
    piece = ""
    for letter in text:
        if piece and (piece[-1] == " " or (letter.isalnum() and (_wide(piece[-1]) or _wide(letter)))):
            yield piece
            piece = ""
        piece += letter
    yield piece


def _wide(letter: str) -> bool:
    return east_asian_width(letter) in "WF"


def _columns(text: str) -> int:
    return sum(1 + _wide(letter) for letter in text)
