"""DashScope's errors as sentences a model or a person can act on, and the one decision whether to try again.

Codes and texts: https://help.aliyun.com/zh/model-studio/error-code
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, Unpack

from mcp.server.mcpserver.exceptions import ToolError

from ..endpoints import DASHSCOPE, SANDBOX_HEADER
from ..errors import NOTHING_SENT
from ..text import clip, without_markup
from .error_bodies import told_in

MAX_QUOTED_CHARS = 300
UNNAMED = re.compile("[<>|]")  # what no code and no request id holds
SANDBOX_SAYS = "SANDBOX, nothing of this is real: "
# A form of answer that a model does not take: another may do
FORMAT = re.compile(r"response_format|json mode|json_schema|grammar|structured outputs?", re.IGNORECASE)
NOT_THERE = (502, 503, 520, 521, 522, 523)  # 500 and 504 are answers to one request: it broke, it took too long
RETRIED = (429, 500, 503)  # with a code that says no work was begun; any other status may be billed
CONSOLE = "https://bailian.console.aliyun.com"
NO_KEY = (
    f"No DashScope API key is set: create one at {CONSOLE}/?tab=model#/api-key, put it into DASHSCOPE_API_KEY "
    "in this server's environment and restart the server (or start it with --sandbox to try it without a key). "
    f"{NOTHING_SENT}"
)

ErrorKind = Literal[
    "",
    "unsent",
    "capped",
    "no_key",
    "account",
    "unknown_model",
    "format",
    "question_filtered",
    "answer_filtered",
    "timed_out",
    "file_unread",
    "file_gone",
]
"""What a failure means to a caller, whatever words it is told in."""
FILTERED: tuple[ErrorKind, ...] = ("question_filtered", "answer_filtered")  # what was read, what was written


class Facts(TypedDict, total=False):
    """What is known of a failure beside its words."""

    kind: ErrorKind
    details: tuple[str, ...]
    code: str
    status: int
    retry: bool
    wait_s: float | None
    sandbox: bool


class DashScopeError(ToolError):
    """A request that DashScope did not answer. The text says what happened and what to do next.

    `code` and `status` are DashScope's own ("" and 0 when no reply came); `retry`: asking again cannot bill twice;
    `details` follow the text in brackets; `hint` is one more sentence of advice.
    """

    def __init__(self, message: str, *, hint: str = "", **known: Unpack[Facts]) -> None:
        super().__init__(message)
        self.message, self.hint, self.known = message, hint, known
        self.kind: ErrorKind = known.get("kind", "")
        self.details = known.get("details", ())
        self.code = known.get("code", "")
        self.status = known.get("status", 0)
        self.retry = known.get("retry", False)
        self.wait_s = known.get("wait_s")
        self.sandbox = known.get("sandbox", False)

    def __str__(self) -> str:
        whole = f"{SANDBOX_SAYS if self.sandbox else ''}{self.message} {self.hint}".strip()
        return f"{whole} [{', '.join(self.details)}]" if self.details else whole

    def reworded(self, *, message: str = "", hint: str = "", **known: Unpack[Facts]) -> "DashScopeError":
        """The same failure, where we know more than DashScope's code says: other words, or more that is known."""
        both: Facts = {**self.known, **known}
        return DashScopeError(message or self.message, hint=hint or self.hint, **both)

    def with_request(self, request_id: str, *, sandbox: bool) -> "DashScopeError":
        """The same failure, with the reply it belongs to."""
        named = (f"request {request_id}",) if request_id and not self.request_id else ()
        return self.reworded(details=(*self.details, *named), sandbox=self.sandbox or sandbox)

    @property
    def request_id(self) -> str:
        last = self.details[-1] if self.details else ""  # a code may begin with that word, too
        return last.removeprefix("request ") if last.startswith("request ") else ""

    @property
    def filtered(self) -> bool:
        """Whether the content filter stopped it."""
        return self.kind in FILTERED

    @property
    def refused_at_once(self) -> bool:
        """Whether no work can have begun, so that nothing is billed."""
        refused = 400 <= self.status < 500 and self.kind not in ("answer_filtered", "timed_out")
        return self.retry or refused or self.kind in ("unsent", "capped", "no_key")

    @property
    def asks_for_fewer(self) -> bool:
        """Whether it was one request too many, and not a quota that is used up."""
        return self.status == 429 and self.retry

    @property
    def is_outage(self) -> bool:
        """Whether the service is not there: a gateway says so, or it does itself; not what is wrong with one model."""
        return self.status in NOT_THERE and self.code.lower() in ("", "serviceunavailable", str(self.status))

    @property
    def for_every_request(self) -> bool:
        """Whether the next request would fail as well: the key, the account, the model, the network, a rate."""
        return self.retry or self.kind in ("capped", "no_key", "account") or self.status in (401, 403, 404, 429)


@dataclass(frozen=True)
class KnownError:
    """A failure we can explain. Matches by code, or by a piece of the message (DashScope reuses its codes)."""

    message: str
    next: str
    codes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    retry: bool = False
    kind: ErrorKind = ""
    everywhere: bool = False  # other servers say it in the same words

    def matches(self, code: str, message: str) -> bool:
        return code in self.codes or any(text in message for text in self.texts)


# The first match wins: texts that share a code with something else stand before it.
KNOWN = (
    KnownError(
        "The free quota of this model is used up.",
        f"Choose another model, or turn off 'stop when the free quota is used up' at {CONSOLE}.",
        codes=("allocationquota.freetieronly",),
        texts=("free allocated quota exceeded",),
    ),
    KnownError(
        "The quota of these hours is used up.",
        "Wait until the time it names, or use another key.",
        texts=("resets at", "resets in", "will reset", "will be reset"),
        kind="account",
        everywhere=True,
    ),
    KnownError(
        "This model is not offered in this region.",
        "Choose another model (`models` says what each costs where), or set DASHSCOPE_REGION to another region.",
        texts=("not supported in the current region", "not supported in this region"),
    ),
    KnownError(
        "The Alibaba Cloud account owes money, so every call is refused, free quota included.",
        "Top up the account and try again some minutes later.",
        codes=("arrearage", "prepaidbilloverdue", "postpaidbilloverdue"),
        kind="account",
        texts=("make sure your account is in good standing",),
    ),
    KnownError(
        "DashScope's content filter stopped the answer.",
        "Ask for a different answer; the question itself passed.",
        texts=("output data may contain inappropriate content",),
        kind="answer_filtered",
    ),
    KnownError(
        "DashScope's content filter stopped the question.",
        "Reword the text or leave out the part it may object to.",
        codes=("datainspectionfailed", "data_inspection_failed"),
        kind="question_filtered",
    ),
    KnownError(
        "A rule of this workspace stopped the question.",
        "Reword it, or ask the workspace's administrator.",
        codes=("customroleblocked", "faqruleblocked", "ipinfringementsuspect"),
    ),
    KnownError(
        "The API key is a pay-as-you-go key, and this URL takes keys of a plan only.",
        "Unset DASHSCOPE_BASE_URL, or use the plan's own key (sk-sp-...).",
        texts=("invalid access token",),
    ),
    KnownError(
        "DashScope does not accept the API key here.",
        "Check DASHSCOPE_API_KEY, and that DASHSCOPE_REGION is the region the key was made in: "
        "keys work in their own region only, and plan keys (sk-sp-...) at the plan's URL only.",
        codes=("invalidapikey", "invalid_api_key"),
    ),
    KnownError(
        "The key does not belong to this workspace.",
        "Check DASHSCOPE_WORKSPACE_ID, and that the key's owner is a member of that workspace.",
        codes=("not authorized", "workspacenotfound", "workspace.accessdenied"),
    ),
    KnownError(
        "This model is not offered over this protocol.",
        "Choose another model.",
        codes=("model_not_supported",),
        texts=("for openai compatibility mode",),
    ),
    KnownError(
        "DashScope does not know this model.",
        "Correct the model id, or check that the model is offered in this region.",
        codes=("modelnotfound", "model_not_found", "model.notexist"),
        texts=("model not exist",),
        kind="unknown_model",
    ),
    KnownError(
        "This account has not bought or opened this model.",
        f"Open the model at {CONSOLE}, or choose another model.",
        codes=("accessdenied.unpurchased", "commoditynotpurchased"),
        kind="account",
    ),
    KnownError(
        "This account or key may not use this model.",
        f"Grant the model to the workspace and the key at {CONSOLE}, or choose another model.",
        codes=("accessdenied", "access_denied", "model.accessdenied", "app.accessdenied"),
    ),
    KnownError(
        "Too many requests a minute for this model, or a rise too steep.",
        "Wait a minute, then send the same request again.",
        codes=(
            "throttling",
            "throttling.ratequota",
            "throttling.burstrate",
            "limitrequests",
            "limit_requests",
            "limit_burst_rate",
        ),
        retry=True,
    ),
    KnownError(
        "Too many tokens a minute for this model (a rate limit, not money, whatever the word quota says).",
        "Wait a minute, or send a shorter request.",
        codes=("throttling.allocationquota", "insufficient_quota"),
        retry=True,
    ),
    KnownError(
        "DashScope gave up because the answer took too long. It may be billed, so it was not sent again.",
        "Ask for less at once, or use a faster model.",
        codes=("requesttimeout", "responsetimeout", "internalerror.timeout", "gatewaytimeout"),
        kind="timed_out",
    ),
    KnownError(
        "DashScope is out of capacity for this model.",
        "Try again in a minute, or use another model.",
        codes=("modelservingerror", "modelunavailable", "serviceunavailable"),
        retry=True,
    ),
    KnownError(
        "DashScope had an internal error. It may be billed, so it was not sent again.",
        "Call again if you still need the answer.",
        codes=("internalerror", "internal_error", "internalerror.algo", "systemerror", "modelservicefailed"),
    ),
    KnownError(
        "This model is served at DashScope's other native endpoint.",
        "Correct `endpoint` of this model in catalog.json (text-generation or multimodal-generation), or report it.",
        texts=("url error, please check url",),
    ),
    KnownError(
        "This model does not translate between these languages.",
        "Give source_lang and target_lang by the English name or the code that Qwen-MT has (qwen-mt-lite has fewer), "
        "or translate with `chat`.",
        texts=("暂时不支持当前设置的语种",),
    ),
    KnownError(
        "DashScope is still reading the file.",
        "Wait a minute, then call again.",
        texts=("file parsing in progress",),
        kind="file_unread",
    ),
    KnownError(
        "DashScope no longer has the file.",
        "Call again: it is uploaded anew.",
        texts=("] cannot be found",),
        kind="file_gone",
    ),
    KnownError(
        "DashScope cannot read the file.",
        "Save it as PDF, DOCX or TXT with a text in it, split it where it is long, and give that.",
        texts=("] format is not supported", "] content blank", "] exceeds page limits", "] exceeds size limit"),
    ),
    KnownError(
        "The input is too long for this model.",
        "Shorten it, or choose a model with a larger context.",
        codes=("context_length_exceeded", "exceed_context_size_error"),
        texts=(
            "range of input length should be",
            "total message token length exceed model limit",
            "maximum context length",
            "available context size",
        ),
        everywhere=True,
    ),
    KnownError(
        "max_output_tokens is more than this model can write.",
        "Lower it to the range it names, or leave it out.",
        texts=("range of max_",),
    ),
    KnownError(
        "This model always thinks.",
        "Call again without thinking=off.",
        texts=("the enable_thinking parameter is restricted to true",),
    ),
    KnownError(
        "This model cannot think.",
        "Call again without thinking.",
        codes=("invalidparameter.notsupportenablethinking",),
    ),
    KnownError(
        "This model cannot think for that long.",
        "Choose a lower thinking level.",
        texts=("the thinking_budget parameter must be",),
    ),
    KnownError(
        "This model cannot search the web.",
        "Choose a model that can.",
        texts=("does not support enable_search",),
    ),
    KnownError(
        "This model reads text only.",
        "Leave out the files, or choose a model that reads images.",
        texts=("input content must be a string",),
    ),
    KnownError(
        "A file is too large for one data URI (10 MB).",
        "Shrink it, or give an https URL.",
        texts=("exceeded limit on max bytes per data-uri item",),
    ),
    KnownError(
        "An image is too small, too large or too narrow for this model.",
        "Both sides must exceed 10 px, their ratio stay within 200:1: scale or crop it.",
        texts=("image length and width do not meet",),
    ),
    KnownError(
        "DashScope could not fetch a file from its URL.",
        "Check that the URL is public, or give a local path.",
        codes=(
            "badrequest.inputdownloadfailed",
            "invalidfile.downloadfailed",
            "invalidparameter.datainspection",
            "invalidurl",
            "invalidurl.connectionrefused",
            "invalidurl.timeout",
        ),
        texts=("failed to download multimodal content",),
    ),
)


def from_reply(
    status: int,
    headers: Mapping[str, str],
    reply: Any,
    redact: Callable[[str], str],
    service: str,
    *,
    began: bool = False,
) -> DashScopeError:
    """The error of a reply: its status, its headers, and its JSON (or, from a gateway, its text; of a page the title).

    `service`: what to call the other side; `began`: an answer had begun, so that nothing was wrong with the request.
    """
    told = told_in(reply)
    code, message = without_markup(told.code), without_markup(told.message)
    request_id = told.request_id or headers.get("x-request-id", "")
    known = _known(status, code.lower(), message.lower(), service, began)
    quoted = clip(redact(message), MAX_QUOTED_CHARS).rstrip(".")
    why = f' {service} said: "{quoted}".' if quoted else ""
    details = [code, f"HTTP {status}", f"request {request_id}" if request_id else ""]
    return DashScopeError(
        f"{known.message}{why} {known.next}",
        kind=known.kind or ("format" if _refuses_form(status, message, service) else ""),
        details=tuple(clip(UNNAMED.sub("", redact(detail)), 80) for detail in details if detail),
        code=code,
        status=status,
        retry=known.retry and status in RETRIED,
        wait_s=_wait_s(headers),
        sandbox=SANDBOX_HEADER in headers,
    )


def _refuses_form(status: int, message: str, service: str) -> bool:
    """Other servers fail at a grammar with any status."""
    return (status in (400, 422) or (status != 200 and service != DASHSCOPE)) and bool(FORMAT.search(message))


def _known(status: int, code: str, message: str, service: str, began: bool) -> KnownError:
    ours = service == DASHSCOPE
    known = next((each for each in KNOWN if (ours or each.everywhere) and each.matches(code, message)), None)
    if known or (status != 200 and not ours):
        return known or _elsewhere(status)
    invalid = ours and not began and code.startswith(BAD_REQUEST)
    return BROKE_OFF if status == 200 and not invalid else _by_status(status)


BY_STATUS = {
    401: KnownError("DashScope does not accept the API key here.", "Check DASHSCOPE_API_KEY and DASHSCOPE_REGION."),
    408: KnownError(
        "The request took too long. It may be billed, so it was not sent again.", "Ask for less.", kind="timed_out"
    ),
    413: KnownError(
        "The request is too large for this host (16 MiB on a shared host, 64 MB on a workspace's own).",
        "Send fewer or smaller files, or set DASHSCOPE_WORKSPACE_ID.",
    ),
    429: KnownError("DashScope asks for fewer requests.", "Wait a minute before the next one.", retry=True),
    503: KnownError("DashScope is not available right now.", "Try again in a minute.", retry=True),
    504: KnownError("A gateway gave up waiting. The call may be billed, so it was not sent again.", "Ask for less."),
}
REDIRECTED = KnownError("DashScope sent us elsewhere, which is not followed with a key.", "Check DASHSCOPE_BASE_URL.")
BROKEN = KnownError("DashScope failed. The call may be billed, so it was not sent again.", "Try again later.")
REFUSED = KnownError("DashScope refused the request.", "Correct the request and call again.")
BROKE_OFF = KnownError(
    "The answer broke off. It may be billed, so it was not sent again.", "Call again if you still need the answer."
)
BAD_REQUEST = ("invalid", "badrequest", "unsupported")  # how the codes of what is wrong with a request begin


def _by_status(status: int) -> KnownError:
    if known := BY_STATUS.get(status):
        return known
    return BROKEN if status >= 500 else REDIRECTED if 300 <= status < 400 else REFUSED


def _elsewhere(status: int) -> KnownError:
    """A server that is not DashScope: its codes are not known, its statuses are everyone's."""
    return KnownError(
        f"The server answered HTTP {status}.",
        "Check the model's name, the key (any text, if it needs none) and DASHSCOPE_BASE_URL.",
        retry=status in (429, 503),
    )


def _wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds the reply asks us to wait."""
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None
