"""The protocols: for each its API, its path, its headers, its request, and how a frame of its stream becomes events.

Requests come in the terms of chat completions; a protocol says them in its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal, Protocol

from ..json_text import dict_of
from .error_bodies import is_failure, tells_failure
from .events import Event, Finish, OcrResult, ReasoningDelta, SearchResult, SearchResults, TextDelta, UsageReport
from .finish_reasons import UNFINISHED
from .function_calls import CallPieces

Frame = Mapping[str, Any]
LIMIT_FIELDS = ("max_tokens", "max_completion_tokens")
THINKING_FIELDS = ("enable_thinking", "thinking_budget", "reasoning_effort")
MAX_SEARCH_RESULTS = 200
SAYS_NOTHING = (None, "")
MAX_TOKEN_COUNT = 10**12  # beyond it a count is a mistake, and no price
Api = Literal["compatible", "native", "compatible-api", "batch-chat"]
Endpoint = Literal["text-generation", "multimodal-generation"]


class WireProtocol(Protocol):
    """One reply's decoder: made anew for each request, so it may remember what it has seen."""

    api: Api
    path: str
    headers: Mapping[str, str]
    takes_budget: bool  # for reasoning; where it takes none, `thinking_budget` is not sent

    def request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """`body` (`model`, `messages`, parameters) as this protocol takes it, streamed and with its usage reported."""
        ...

    def failure(self, frame: Frame) -> Frame | None:
        """The error a frame holds, if it is one: HTTP says 200 by then."""
        ...

    def events(self, frame: Frame) -> Iterator[Event]:
        """What one frame says. Raises TypeError, AttributeError or ValueError where it has no known form."""
        ...


class ChatCompletions:
    """OpenAI-compatible chat completions.

    Page: https://help.aliyun.com/zh/model-studio/qwen-api-via-openai-chat-completions
    The usage frame has `choices: []`; `content` and `reasoning_content` may be null or "". A `message` behind deltas
    says the whole again (MiniMax). `cumulative`: each frame
    repeats the text so far (qwen-mt-plus and -turbo: https://help.aliyun.com/zh/model-studio/qwen-mt-api).
    """

    api: Api = "compatible"
    path = "/chat/completions"
    headers: Mapping[str, str] = {}
    takes_budget = True

    def __init__(self, *, cumulative: bool = False) -> None:
        self._pieces = _Pieces(cumulative)
        self._in_deltas = False

    def request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**body, "stream": True, "stream_options": {"include_usage": True}}

    def failure(self, frame: Frame) -> Frame | None:
        return _failure(frame)

    def events(self, frame: Frame) -> Iterator[Event]:
        if text := _only_text(frame):
            self._in_deltas = True
            yield from self._pieces.text(text)
            return
        for choice in _first(frame.get("choices")):
            yield from self._said(choice)
            if usage := choice.get("usage"):  # Kimi counts there
                yield from _counted(dict_of(usage))
        if usage := frame.get("usage"):
            yield from _counted(dict_of(usage))

    def _said(self, choice: Frame) -> Iterator[Event]:
        delta, whole, reason = choice.get("delta"), choice.get("message"), choice.get("finish_reason")
        if whole and not delta and self._in_deltas:
            yield from self._pieces.rest_of(whole, reason)
            return
        self._in_deltas = self._in_deltas or bool(delta)
        yield from self._pieces.of(delta or whole or {"content": choice.get("text")}, reason)


class BatchChat(ChatCompletions):
    """A single question at half price, whose answer may take an hour; no page says that it comes as a stream.

    Page: https://help.aliyun.com/zh/model-studio/openai-compatible-batch-chat
    """

    api: Api = "batch-chat"

    def request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return body


class Generation:
    """DashScope's own generation protocol, at its text or its multimodal endpoint.

    Page: https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope
    Usage comes in every frame and the last counts; a search's pages come in the first frames, later ones repeat the
    list empty (web-search page); `finish_reason` is the string "null" until the end; the multimodal
    endpoint takes and gives content as a list of parts, where OCR models say what they found beside the text (page:
    qwen-vl-ocr-api-reference). Which endpoint a model has, the catalog says. A frame like the one before it is kept:
    words repeat, and lost text is worse than doubled.
    """

    api: Api = "native"
    headers: Mapping[str, str] = {"X-DashScope-SSE": "enable"}
    takes_budget = True

    def __init__(self, endpoint: Endpoint, *, cumulative: bool = False) -> None:
        self.path = f"/services/aigc/{endpoint}/generation"
        self._in_parts = endpoint == "multimodal-generation"
        self._cumulative = cumulative
        self._pieces = _Pieces(cumulative)
        self._told: dict[str, set[int | None]] = {}  # by address, the numbers
        self._taken: set[int | None] = set()

    def request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        parameters = {name: value for name, value in body.items() if name not in ("model", "messages", *LIMIT_FIELDS)}
        parameters |= _limit(body, "max_tokens")
        messages = [{**m, "content": self._content(m["content"])} for m in body["messages"]]
        always = {"incremental_output": not self._cumulative, "result_format": "message"}
        return {"model": body["model"], "input": {"messages": messages}, "parameters": {**parameters, **always}}

    def failure(self, frame: Frame) -> Frame | None:
        return _failure(frame)

    def events(self, frame: Frame) -> Iterator[Event]:
        output, usage = frame.get("output") or {}, dict_of(frame.get("usage"))
        choices = _first(output.get("choices") or _as_choices(output))
        messages = [dict_of(choice.get("message")) for choice in choices]
        beside = [frame, output, *choices, *messages]  # where a list was seen
        yield from self._searched(beside, dict_of(dict_of(usage.get("plugins")).get("search")))
        for choice in choices:
            message = choice.get("message") or {}
            yield from _recognised(message.get("content"))
            yield from self._pieces.of(message, choice.get("finish_reason"))
        yield from _counted(usage)

    def _searched(self, beside: Sequence[Frame], counted: Frame) -> Iterator[SearchResults]:
        """What is new: lists grow from frame to frame, and a second round has its own. An empty one tells no search.

        A number belongs to the page that had it first: that is the one the marks mean.
        """
        infos = [dict_of(each.get("search_info")) for each in beside]
        lists = [info.get("search_results") for info in infos]
        lists += [_cited(each.get(name)) for each in beside for name in ("annotations", "citations")]
        pages = []
        for page in (page for rows in lists for page in _pages(rows)):
            numbers = self._told.setdefault(page.url, set())
            taken = page.index in self._taken
            if page.index in numbers or (numbers and (taken or page.index is None)):
                continue
            numbers.add(page.index)
            pages.append(replace(page, index=None) if taken else page)
            self._taken |= {page.index} - {None}
        count = _count(counted.get("count"))
        if pages or any(info.get("extra_tool_info") for info in infos) or count:
            yield SearchResults(tuple(pages), count)

    def _content(self, content: str | Sequence[Frame]) -> str | list[Frame]:
        if not self._in_parts:
            return _text(content)
        if isinstance(content, str):
            return [{"text": content}]
        return [_native_part(part) for part in content]


class Responses:
    """The Responses API. Nothing is stored: it would be, for seven days, unless told otherwise.

    Page: https://help.aliyun.com/zh/model-studio/qwen-api-via-openai-responses
    Reasoning comes under two spellings, depending on the build. A thinking switch or level is `reasoning.effort` here;
    a budget cannot be set. A search tells the addresses of its pages only.
    """

    api: Api = "compatible"
    path = "/responses"
    headers: Mapping[str, str] = {}
    takes_budget = False

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._said = False

    def request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        rest = {
            name: value
            for name, value in body.items()
            if name not in ("model", "messages", *LIMIT_FIELDS, *THINKING_FIELDS)
        }
        rest |= _limit(body, "max_output_tokens")
        effort = body.get("reasoning_effort") or ("none" if body.get("enable_thinking") is False else None)
        rest |= {"reasoning": {"effort": effort}} if effort else {}
        messages = [{**m, "content": _input_parts(m["content"])} for m in body["messages"]]
        return {"model": body["model"], "input": messages, **rest, "stream": True, "store": False}

    def failure(self, frame: Frame) -> Frame | None:
        frame = _whole_response(frame)
        if frame.get("type") == "response.failed":
            return {"error": frame["response"].get("error") or "the response failed"}
        if str(frame.get("type")).startswith("response."):  # its fields are named by what it tells: `code`, `title`
            return frame if tells_failure(frame.get("error")) else None
        return frame if frame.get("type") == "error" else _failure(frame)

    def events(self, frame: Frame) -> Iterator[Event]:
        frame = _whole_response(frame)
        match frame.get("type"):
            case "response.output_text.delta":
                self._said = True
                yield TextDelta(_text(frame.get("delta")))
            case "response.refusal.delta":
                self._said = True
                yield from (TextDelta(_text(frame.get("delta"))), Finish("refusal"))
            case "response.reasoning_text.delta" | "response.reasoning_summary_text.delta":
                yield ReasoningDelta(_text(frame.get("delta")))
            case "response.output_item.done" if dict_of(frame.get("item")).get("type") == "web_search_call":
                pages = _pages(dict_of(dict_of(frame.get("item")).get("action")).get("sources"))
                new = tuple(page for page in pages if page.url not in self._told)
                self._told |= {page.url for page in new}
                yield SearchResults(new)
            case "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" as ending:
                yield from self._ended(frame["response"], ending.removeprefix("response."))
            case "error":
                yield from _counted(dict_of(frame.get("usage")))

    def _ended(self, response: Frame, ending: str) -> Iterator[Event]:
        usage = dict_of(response.get("usage"))
        yield from self._whole(response.get("output"))
        self._said = True  # a response that ends twice says its text once
        if count := _count(dict_of(dict_of(usage.get("x_tools")).get("web_search")).get("count")):
            yield SearchResults((), count)
        status = str(response.get("status") or ending)
        if status == "incomplete":
            yield Finish(str(dict_of(response.get("incomplete_details")).get("reason") or "max_output_tokens"))
        else:
            yield Finish(status)
        yield from _counted(usage)

    def _whole(self, output: Any) -> Iterator[Event]:
        """What only the whole response says: what an OCR model found, and the text where it did not come in pieces."""
        for item in output if isinstance(output, list) else ():
            content = dict_of(item).get("content")
            yield from _recognised(content)
            if self._said or dict_of(item).get("type", "message") != "message":
                continue
            if text := _text(content):
                yield TextDelta(text)
            for part in content if isinstance(content, list) else ():
                if refusal := dict_of(part).get("refusal"):
                    yield from (TextDelta(_text(refusal)), Finish("refusal"))


def _whole_response(frame: Frame) -> Frame:
    """A server that does not stream sends the response alone."""
    if frame.get("object") != "response" or "type" in frame:
        return frame
    return {"type": f"response.{frame.get('status') or 'completed'}", "response": frame}


class _Pieces:
    """Reads the pieces of a message; takes what is new out of texts that repeat themselves."""

    def __init__(self, cumulative: bool) -> None:
        self._cumulative = cumulative
        self._seen: dict[str, list[str]] = {}
        self._calls = CallPieces()

    def of(self, message: Frame, reason: Any) -> Iterator[Event]:
        yield from self._read(message, reason, again=self._cumulative)

    def text(self, piece: str) -> Iterator[Event]:
        """A piece of a message that has nothing else."""
        if text := self._new("content", piece, self._cumulative):
            yield TextDelta(text)

    def rest_of(self, whole: Frame, reason: Any) -> Iterator[Event]:
        """What a whole message says beyond its pieces; nothing where it says it in other words."""
        with suppress(_TakenBack):
            yield from self._read(whole, None, again=True)
        yield from _stopped(reason)

    def _read(self, message: Frame, reason: Any, *, again: bool) -> Iterator[Event]:
        if (told := _reasoning(message)) and (reasoning := self._new("reasoning", told, again)):
            yield ReasoningDelta(reasoning)
        if (told := _text(message.get("content"))) and (text := self._new("content", told, again)):
            yield TextDelta(text)
        if isinstance(refusal := message.get("refusal"), str) and (words := self._new("refusal", refusal, again)):
            yield TextDelta(words)
            yield Finish("refusal")
        if "tool_calls" in message or "function_call" in message:
            yield from self._calls.of(message, again=again)
        yield from _stopped(reason)

    def _new(self, name: str, text: str, again: bool) -> str:
        """What is new of a text that says `again` what was said."""
        seen = self._seen.setdefault(name, [])
        if again and text:
            before = "".join(seen)
            if not text.startswith(before):
                raise _TakenBack
            text = text[len(before) :]
            seen[:] = [before]
        if text:
            seen.append(text)
        return text


def _only_text(frame: Frame) -> str:
    """The text of a frame that says nothing else, as nearly all do; empty: it has none, or says more."""
    choices = frame.get("choices")
    if not choices or len(choices) > 1 or frame.get("usage"):
        return ""
    choice = choices[0]
    delta = choice.get("delta")
    if not delta or choice.get("finish_reason") or choice.get("index") or choice.get("usage"):
        return ""
    text = delta.get("content")
    more = (name for name, value in delta.items() if value not in SAYS_NOTHING and name not in ("content", "role"))
    return "" if any(more) or not isinstance(text, str) else text


class _TakenBack(ValueError):
    """A text that says again what was said, but not in the same words."""


def _stopped(reason: Any) -> Iterator[Finish]:
    if reason and str(reason).strip().lower() not in UNFINISHED:
        yield Finish(str(reason))


def _first(choices: Any) -> list[Frame]:
    """The choice that counts: we never ask for more than one."""
    return [choice for choice in choices or () if choice.get("index") in (0, None, "0")]


def _as_choices(output: Frame) -> list[Frame]:
    """A model that does not know `result_format` answers beside the choices."""
    return [{"message": {"content": output["text"]}, **output}] if output.get("text") else []


def _text(content: Any) -> str:
    """Text that comes as a string, as a list of parts, or not at all."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, Sequence):
        raise TypeError("content is neither text nor a list of parts")
    return "".join(part if isinstance(part, str) else _text(part.get("text")) for part in content)


def _reasoning(message: Frame) -> str:
    """Under DashScope's name or, as vLLM and OpenRouter have it, another; some send both."""
    if told := _text(message.get("reasoning_content")):
        return told
    other = message.get("reasoning")
    return other if isinstance(other, str) else ""


def _recognised(content: Any) -> Iterator[OcrResult]:
    for part in content if isinstance(content, list) else ():
        if found := dict_of(dict_of(part).get("ocr_result")):
            yield OcrResult(found)


def _native_part(part: Frame) -> Frame:
    if "image_url" not in part:
        return {"text": part["text"]}
    limits = {name: part[name] for name in ("min_pixels", "max_pixels", "enable_rotate") if name in part}
    return {"image": part["image_url"]["url"], **limits}


def _input_parts(content: str | Sequence[Frame]) -> str | list[Frame]:
    if isinstance(content, str):
        return content
    return [_input_part(part) for part in content]


def _input_part(part: Frame) -> Frame:
    if "image_url" in part:
        return {"type": "input_image", "image_url": part["image_url"]["url"]}
    if "file" in part:
        return {"type": "input_file", "file_url": part["file"]["file_url"]}
    return {"type": "input_text", "text": part["text"]}


def _pages(rows: Any) -> tuple[SearchResult, ...]:
    """Rows that are no pages are left out: what is told beside an answer never costs the answer."""
    rows = _listed(rows) if isinstance(rows, dict) else rows
    told = rows[:MAX_SEARCH_RESULTS] if isinstance(rows, list) else []
    return tuple(_page(row) for row in told if isinstance(row, dict))


def _listed(rows: Frame) -> list[Any]:
    """A list in another wrapping: a row alone, under a name, or by its numbers."""
    if isinstance(rows.get("url"), str):
        return [rows]
    lists = [value for value in rows.values() if isinstance(value, list)]
    named = ((key, row) for key, row in rows.items() if isinstance(row, dict))
    return lists[0] if lists else [{"index": key, **_without_none(row)} for key, row in named]


def _without_none(row: Frame) -> Frame:
    return {name: value for name, value in row.items() if value is not None}


def _cited(rows: Any) -> list[Frame]:
    """Pages as other servers tell them: addresses alone, or annotations, whose `index` is a place in the text."""
    told = [{"url": row} if isinstance(row, str) else dict_of(row) for row in (rows if isinstance(rows, list) else ())]
    pages = [dict_of(row.get("url_citation")) or row for row in told]
    return [{**page, "index": None} for page in pages if isinstance(page.get("url"), str)]


def _page(row: Frame) -> SearchResult:
    title, url, site = (
        value if isinstance(value := row.get(name), str) else "" for name in ("title", "url", "site_name")
    )
    return SearchResult(_index(row.get("index")), title, url, site)


def _index(value: Any) -> int | None:
    """A number of a list, as an integer, a float or a text."""
    text = str(value).removesuffix(".0")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _limit(body: Frame, name: str) -> dict[str, Any]:
    """The output limit under another protocol's name."""
    given = [body[limit] for limit in LIMIT_FIELDS if limit in body]
    return {name: given[0]} if given else {}


def _failure(frame: Frame) -> Frame | None:
    answer = frame.get("choices") or (frame.get("output") or {}).get("choices")
    return frame if tells_failure(frame.get("error")) or (not answer and is_failure(frame)) else None


def _counted(usage: Frame) -> Iterator[UsageReport]:
    """The counts, unless they are no counts: then usage is unknown, which is better than wrong."""
    if not usage:
        return
    read = {**dict_of(usage.get("prompt_tokens_details")), **dict_of(usage.get("input_tokens_details"))}
    wrote = {**dict_of(usage.get("completion_tokens_details")), **dict_of(usage.get("output_tokens_details"))}
    input_tokens = _count_of(usage, "prompt_tokens", "input_tokens")
    output_tokens = _count_of(usage, "completion_tokens", "output_tokens")
    written = _count_of(read, "cache_creation_input_tokens")
    if written is None:
        written = _count_of(dict_of(read.get("cache_creation")), "ephemeral_5m_input_tokens")
    hits = _count_of({**usage, **read}, "cached_tokens", "prompt_cache_hit_tokens")  # the second is DeepSeek's
    explicit = bool(written) or read.get("cache_type") == "ephemeral"
    if input_tokens is not None and output_tokens is not None:
        yield UsageReport(
            input_tokens,
            output_tokens,
            reasoning_tokens=_count_of({**usage, **wrote}, "reasoning_tokens"),
            cached_input_tokens=0 if explicit else hits,
            image_tokens=_count_of({**usage, **read}, "image_tokens"),
            cache_write_tokens=written if explicit else None,
            explicit_cached_tokens=hits if explicit else None,
            pdf_pages=_count_of(dict_of(_tools(usage).get("pdf_page_parser")), "count"),
            audio_tokens=_count_of(read, "audio_tokens") or None,
            video_tokens=_count_of(read, "video_tokens") or None,
        )


def _tools(usage: Frame) -> Frame:
    return {**dict_of(usage.get("plugins")), **dict_of(usage.get("x_tools"))}


def _count_of(counts: Frame, *names: str) -> int | None:
    """The first of these names that is told."""
    return next((_count(counts[name]) for name in names if counts.get(name) is not None), None)


def _count(value: Any) -> int | None:
    """A number of things; some servers write 11.0."""
    counts = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_TOKEN_COUNT
    return int(value) if counts and value == int(value) else None
