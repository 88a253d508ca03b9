"""Requests of each kind with what they really used: the worst case that is held before must not be less.

`recorded`: the counts are those of a reply that DashScope's pages or public code show; else they follow from the pages'
formulas and rates (0.7 tokens a Chinese character, 3.5 English letters a token, an image by its pixels).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from bailian_mcp.server.calls.ask import RequestPlan
from bailian_mcp.server.calls.thinking import ThinkingParameters
from bailian_mcp.server.catalog.pricing import Workload, image_tokens, text_tokens
from bailian_mcp.server.dashscope import ChatCompletions, Generation, TextEmbeddings, WireProtocol, rerank_of

CHINESE = "西湖位于浙江省杭州市，三面环山，湖中有三潭印月、湖心亭和阮公墩三座小岛。"
ENGLISH = "West Lake is a freshwater lake in Hangzhou, divided by the causeways of Su Dong, Bai Ju Yi and Yang Gong. "
CODE = "def area(radius: float) -> float:\n    return 3.14159265 * radius**2  # 面积\n"
DIGITS = "2026-11-27 17:45:09.123 | 88.375 | 1,048,576 | 0x7fff\n"
NO_THINKING = ThinkingParameters({"enable_thinking": False}, "off")
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


@dataclass(frozen=True)
class BoundCase:
    """What is sent, and what it used."""

    kind: str
    name: str
    plan: RequestPlan
    used: Workload
    recorded: bool = False


@dataclass(frozen=True)
class _Asked:
    """One request to a model, but for what it used."""

    model: str
    content: Any
    limit: int = 16_384
    more: dict[str, Any] = field(default_factory=dict)
    thinking: ThinkingParameters = NO_THINKING
    search: str = ""
    pages: int | None = 0

    def plan(self) -> RequestPlan:
        protocol = Generation("text-generation") if self.search else ChatCompletions()
        limits = {"max_completion_tokens": self.limit} if self.limit else {}
        return RequestPlan(
            self.model,
            protocol,
            [{"role": "user", "content": self.content}],
            self.thinking,
            {**limits, **self.more},
            search_strategy=self.search,
            pdf_pages=self.pages,
        )


def cases() -> Iterator[BoundCase]:
    yield from _recorded()
    yield from _texts()
    yield from _images()
    yield from _thinking()
    yield from _documents_and_searches()
    yield from _vectors()
    yield from _stored_documents()


def _recorded() -> Iterator[BoundCase]:
    def case(kind: str, name: str, asked: _Asked, *counts: int, **more: Any) -> BoundCase:
        return BoundCase(kind, name, asked.plan(), _used(*counts, **more), recorded=True)

    asked = _Asked("qwen-plus", "你是谁？", thinking=ThinkingParameters({"enable_thinking": True}, "on"))
    yield case("thinking", "who are you, with reasoning", asked, 10, 360, reasoning_tokens=286, thinking=True)
    asked = _Asked("qwen3.6-plus", "介绍一下杭州西湖最近有什么好玩的？", search="turbo")
    yield case("search", "what is on at West Lake", asked, 619, 1_379, reasoning_tokens=636, web_searches=1)
    options = {"ocr_options": {"task": "key_information_extraction"}}
    asked = _Asked("qwen-vl-ocr", [IMAGE], limit=0, more=options)
    yield case("ocr", "fields of a ticket", asked, 524, 65, input_by_modality={"image": 310})
    asked = _Asked("qwen-plus", "1+1=? 用 JSON 回答", more={"response_format": {"type": "json_object"}})
    yield case("text", "JSON mode", asked, 25, 9)
    yield case("text", "change the world", _Asked("qwen-max", "代码改变世界"), 3 + 8, 20)


def _texts() -> Iterator[BoundCase]:
    for model in ("qwen3.7-plus", "qwen3.8-flash", "qwen3.8-max", "deepseek-v4-pro"):
        for name, text in (("Chinese", CHINESE), ("English", ENGLISH), ("code", CODE)):
            asked = _Asked(model, text * 40)
            yield BoundCase("text", f"{model}, {name}", asked.plan(), _used(text_tokens(text * 40).likely, 800))
    short = _Asked("qwen-flash", CHINESE)
    yield BoundCase("text", "a short question", short.plan(), _used(text_tokens(CHINESE).likely, 60))
    longest = _Asked("qwen3.7-plus", CHINESE * 6_000, limit=131_072)
    used = _used(text_tokens(CHINESE * 6_000).likely, 100_000)
    yield BoundCase("text", "a book, and a long answer", longest.plan(), used)
    digits = DIGITS * 200
    yield BoundCase("text", "digits, a token each", _Asked("qwen3.7-plus", digits).plan(), _used(len(digits), 100))
    rare = "𠮷𡈽𢈘" * 500
    yield BoundCase("text", "rare characters", _Asked("qwen3.7-plus", rare).plan(), _used(len(rare.encode()), 100))


def _images() -> Iterator[BoundCase]:
    for size in ((640, 480), (1_920, 1_080), (4_000, 3_000), (100, 9_000)):
        seen = image_tokens(*size)
        used = _used(seen + 20, 300, input_by_modality={"image": seen})
        yield BoundCase("image", "x".join(map(str, size)), _Asked("qwen3.7-plus", [IMAGE]).plan(), used)
    seen = 8 * image_tokens(1_024, 1_024)
    used = _used(seen + 60, 900, input_by_modality={"image": seen})
    yield BoundCase("image", "eight", _Asked("qwen3.7-plus", [IMAGE] * 8).plan(), used)
    for size in ((1_240, 1_754), (2_480, 3_508)):
        seen = image_tokens(*size, kind="ocr")
        options = {"ocr_options": {"task": "document_parsing"}}
        plan = _Asked("qwen3.5-ocr", [IMAGE], limit=0, more=options).plan()
        yield BoundCase("ocr", f"a page of {size[0]} px", plan, _used(seen + 214, 1_800))


def _thinking() -> Iterator[BoundCase]:
    for budget, used in ((4_096, 1_500), (32_768, 30_000)):
        thinking = ThinkingParameters({"enable_thinking": True, "thinking_budget": budget}, "on", budget)
        plan = _Asked("qwen3.7-plus", CHINESE, limit=budget + 16_384, thinking=thinking).plan()
        yield BoundCase("thinking", f"a budget of {budget:,}", plan, _used(60, used + 700, thinking=True))
    only = _Asked("deepseek-r1", CHINESE, limit=0, more={"max_tokens": 8_192}, thinking=ThinkingParameters({}, "on"))
    yield BoundCase("thinking", "always thinks", only.plan(), _used(60, 9_000, thinking=True))


def _documents_and_searches() -> Iterator[BoundCase]:
    part = {"type": "file", "file": {"file_url": "https://example.com/a.pdf"}}
    for pages, tokens in ((3, 4_000), (100, 160_000)):
        plan = _Asked("qwen3.8-flash", [part], pages=pages).plan()
        yield BoundCase("pdf", f"{pages} pages", plan, _used(tokens, 900, pdf_pages=pages))
    for strategy, searches, tokens in (("turbo", 1, 2_400), ("max", 1, 9_000), ("agent", 2, 40_000)):
        plan = _Asked("qwen3.7-plus", CHINESE, search=strategy).plan()
        used = _used(tokens, 900, web_searches=searches, search_strategy=strategy)
        yield BoundCase("search", strategy, plan, used)


def _vectors() -> Iterator[BoundCase]:
    """A rerank reads the query once for each document: https://help.aliyun.com/zh/model-studio/text-rerank-api"""

    def case(name: str, model: str, protocol: WireProtocol, query: str, texts: list[str]) -> BoundCase:
        asked = [{"role": "query", "content": query}] * len(texts) if query else []
        messages = [*asked, *({"role": "document", "content": text} for text in texts)]
        used = len(asked) * text_tokens(query).likely + sum(text_tokens(text).likely for text in texts)
        return BoundCase("vectors", name, RequestPlan(model, protocol, messages, NO_THINKING), _used(used, 0))

    yield case("ten texts", "text-embedding-v4", TextEmbeddings(), "", [CHINESE * 10] * 10)
    yield case("twenty texts", "qwen3.7-text-embedding", TextEmbeddings(), "", [ENGLISH * 15] * 20)
    yield case("fifty passages", "qwen3-rerank", rerank_of("qwen3-rerank"), CHINESE, [CHINESE * 9] * 50)
    yield case("a long query", "gte-rerank-v2", rerank_of("gte-rerank-v2"), ENGLISH * 10, [ENGLISH] * 40)


def _stored_documents() -> Iterator[BoundCase]:
    """Named by their ids, with the bytes of their texts where these were read here."""
    for name, text in (("Chinese", CHINESE * 1_000), ("English", ENGLISH * 1_000), ("digits", DIGITS * 1_000)):
        most, likely = len(text.encode()), text_tokens(text).most
        yield BoundCase("document", name, _naming(most), _used(likely + 60, 900))
    yield BoundCase("document", "uncounted", _naming(None), _used(9_000_000, 900))


def _naming(most: int | None) -> RequestPlan:
    plan = replace(_Asked("qwen-long", CHINESE).plan(), document_tokens=most)
    return replace(plan, messages=[{"role": "system", "content": "fileid://file-fe-1"}, *plan.messages])


def _used(input_tokens: int, output_tokens: int, **more: Any) -> Workload:
    return Workload(input_tokens=input_tokens, output_tokens=output_tokens, measured=True, **more)
