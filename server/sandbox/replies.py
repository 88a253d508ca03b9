"""What the sandbox answers: always the same to the same request, and never as if a model had spoken."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from ..catalog.pricing import image_tokens, media_tokens
from .calling import SandboxCall, calls_for, shortened
from .filling import extracted
from .recognised import OCR_TRUNCATED, recognised, size_of
from .requests import NO_SEARCH, SandboxRequest, pages_of, text_of
from .speech import heard_text, length_s
from .translated import translated

PAGE_TOKENS = 100
UNKNOWN_TOKENS = 100
OCR_TOKENS = 4_096  # unless more is asked for
REASONING = "这是沙箱的示例推理，没有调用任何模型。"
CJK = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class SandboxReply:
    reasoning: str
    text: str
    finish_reason: str
    pages: tuple[dict[str, Any], ...] = ()
    searches: int = 0
    recognised: dict[str, Any] = field(default_factory=dict)
    pdf_pages: int = 0
    calls: tuple[SandboxCall, ...] = ()
    choices: int = 1

    @property
    def said(self) -> int:
        """Characters, over all choices."""
        return self.choices * (len(self.text) + sum(len(call.arguments) for call in self.calls))


def sandbox_reply(asked: SandboxRequest) -> SandboxReply:
    if asked.hears:
        return SandboxReply("", heard_text(asked.sounds[0] if asked.sounds else ""), "stop")
    if asked.reads_images:
        return _read_off(asked)
    if asked.options.get("translation_options") and asked.model and asked.model.type == "translation":
        text, cut = translated(text_of(asked.messages[0]), asked.options)
        return SandboxReply("", text, "length" if cut else "stop")
    question = text_of(asked.messages[-1])[:200]
    if calls := calls_for(asked.options, question if asked.ends_with_question else "", _all_of(asked)):
        return _called(asked, calls)
    pages = _pages(question) if _searches(asked) else ()
    one, two = (_mark(asked, number) if pages else "" for number in (1, 2))
    form = asked.options.get("response_format") or {}
    given = extracted(asked.name, _all_of(asked), form) if isinstance(form, dict) else None
    text = given or f"{_not_called(asked, searched=bool(pages))}{one}收到的问题是：{question}{two}"
    reasoning = REASONING if asked.thinks else ""
    text = _until(text, asked.options.get("stop"))
    searches = 0 if not pages else 2 if _strategy(asked) == "agent" else 1
    count, told = int(asked.options.get("n") or 1), sum(map(pages_of, asked.pdfs))
    whole = SandboxReply(reasoning, text, "stop", pages, searches, pdf_pages=told, choices=count)
    if most := asked.options.get("max_completion_tokens"):  # reasoning included
        return _cut(whole, reasoning[:most], text[: max(0, most - len(reasoning))])
    return _cut(whole, reasoning, text[: asked.options.get("max_tokens")])


def _called(asked: SandboxRequest, calls: tuple[SandboxCall, ...]) -> SandboxReply:
    reasoning = REASONING if asked.thinks else ""
    whole = SandboxReply(reasoning, "", "tool_calls", calls=calls)
    most = asked.options.get("max_completion_tokens")
    room = most - len(reasoning) if most else asked.options.get("max_tokens")
    if not room or whole.said <= room:
        return whole
    return replace(whole, calls=shortened(calls, room), finish_reason="length")


def _not_called(asked: SandboxRequest, *, searched: bool) -> str:
    beside = f"随附 {asked.documents} 个文档。" if asked.documents else ""
    return f"这是沙箱的回答，没有调用任何模型{'，也没有联网' if searched else ''}。{beside}"


def _until(text: str, stop: Any) -> str:
    """The text before the first stop word; numbers of tokens mean nothing here."""
    words = [stop] if isinstance(stop, str) else stop if isinstance(stop, list) else []
    ends = [text.find(word) for word in words if isinstance(word, str) and word and word in text]
    return text[: min(ends, default=len(text))]


def _read_off(asked: SandboxRequest) -> SandboxReply:
    text, found = recognised(asked.name, asked.options, asked.addresses[0] if asked.addresses else "", asked.read_here)
    most = int(asked.options.get("max_tokens") or OCR_TOKENS)
    cut = asked.name == OCR_TRUNCATED and most <= OCR_TOKENS
    text = text[: len(text) // 2 if cut else most]
    return SandboxReply("", text, "length" if cut or len(text) == most else "stop", recognised=found)


def _all_of(asked: SandboxRequest) -> str:
    return "\n".join(text_of(message) for message in asked.messages if message.get("role") == "user")


def _cut(whole: SandboxReply, reasoning: str, text: str) -> SandboxReply:
    cut = (reasoning, text) != (whole.reasoning, whole.text)
    return replace(whole, reasoning=reasoning, text=text, finish_reason="length" if cut else "stop")


def _searches(asked: SandboxRequest) -> bool:
    """A search that is not forced is made for Chinese questions only: as it often happens."""
    if asked.search is None or asked.name == NO_SEARCH:
        return False
    sure = asked.search.get("forced_search") or _strategy(asked) == "agent"
    return bool(sure or CJK.search(text_of(asked.messages[-1])))


def _strategy(asked: SandboxRequest) -> str:
    return str((asked.search or {}).get("search_strategy", "turbo"))


def _mark(asked: SandboxRequest, number: int) -> str:
    """A citation in the format that was asked for."""
    search = asked.search or {}
    if not (search.get("enable_source") and search.get("enable_citation")) or _strategy(asked) == "agent":
        return ""
    return str(search.get("citation_format", "[<number>]")).replace("<number>", str(number))


def _pages(question: str) -> tuple[dict[str, Any], ...]:
    rows = enumerate((("a", "沙箱网"), ("b?x=1", "无"), ("c", "")), 1)
    return tuple(
        {
            "index": number,
            "title": f"沙箱网页 {number}：{question[:20]}",
            "url": f"https://sandbox.example/{path}",
            "site_name": site,
            "icon": "",
        }
        for number, (path, site) in rows
    )


@dataclass(frozen=True)
class Counts:
    """A token a character, 100 an image (for OCR as many as the formula says), 100 a page that a search brought in;
    sound and film by the formulas, 100 each where there is none.
    """

    words: int
    images: int
    reasoning: int
    said: int
    audio: int = 0
    video: int = 0
    seconds: int | None = None  # of speech, where that is what is billed

    @property
    def read(self) -> int:
        return self.words + self.images + self.audio + self.video

    @property
    def details(self) -> dict[str, int]:
        """Of what was read."""
        given = {"text_tokens": self.words, "image_tokens": self.images}
        return given | {name: n for name, n in (("audio_tokens", self.audio), ("video_tokens", self.video)) if n}

    @property
    def wrote(self) -> int:
        return self.reasoning + self.said


def counts(asked: SandboxRequest, given: SandboxReply) -> Counts:
    words = asked.words + PAGE_TOKENS * len(given.pages)
    media = _media_tokens(asked)
    seconds = sum(map(length_s, asked.sounds)) if asked.hears else None
    counted = (len(given.reasoning), given.said, media["audio"], media["video"], seconds)
    return Counts(words, _image_tokens(asked), *counted)


def _media_tokens(asked: SandboxRequest) -> dict[str, int]:
    found = {"audio": 0, "video": 0}
    given = [("audio", address) for address in asked.sounds] + [("video", address) for address in asked.films]
    for kind, address in given:
        counted = media_tokens(asked.model, kind, length_s(address), None) or {kind: UNKNOWN_TOKENS}
        found = {name: count + counted.get(name, 0) for name, count in found.items()}
    return found


def _image_tokens(asked: SandboxRequest) -> int:
    if not asked.reads_images:
        return 100 * asked.images
    return sum(image_tokens(*size_of(address), kind="ocr") for address in asked.addresses)
