"""Why a model stopped, in one vocabulary: everything but an end of its own and a tool's turn is an answer not whole.

DashScope says stop, length, tool_calls. Other words come from the models' makers and from servers and gateways
between; `docs/replies.md` lists where each was read.
"""

from .events import INTERRUPTED, Finish

UNFINISHED = ("", "null", "none", "false", "0")  # said in each frame until the end
STANDARD = {
    "stop": (
        "stop",
        "eos",
        "eos_token",
        "end_turn",
        "end",
        "stop_sequence",
        "eosfound",
        "stopstringfound",
        "completed",
    ),
    "tool_calls": ("tool_calls", "tool_call", "tool_use", "toolcalls", "function_call"),
    "length": (
        "length",
        "max_tokens",
        "max_output_tokens",
        "max_length",
        "model_length",
        "limit",
        "model_context_window_exceeded",
        "contextlengthreached",
        "maxpredictedtokensreached",
    ),
    "content_filter": (
        "content_filter",
        "sensitive",
        "safety",
        "content_filtered",
        "content-filter",
        "prohibited_content",
        "recitation",
        "blocklist",
    ),
}
SERVICE_FAILED = {
    "insufficient_system_resource": "the service ran out of resources",
    "error": "the service failed",
    "network_error": "the service failed",
    "failed": "the service failed",
    "abort": "the service gave it up",
    "aborted": "the service gave it up",
    "cancelled": "the service gave it up",
    "userstopped": "the service gave it up",
    "modelunloaded": "the service gave it up",
}
MODEL_STOPPED = {
    "refusal": "the model refused to answer",
    "repetition": "the model repeated itself and was stopped",
    "repetition_truncation": "the model repeated itself and was stopped",
}
STANDARD_OF = {word: standard for standard, words in STANDARD.items() for word in words}


def finish_of(reason: str) -> Finish:
    """A reason as we tell it; `why` says what is wrong where no standard word does."""
    word = reason.strip().lower()
    if standard := STANDARD_OF.get(word):
        return Finish(standard)
    if word in SERVICE_FAILED:
        return Finish(INTERRUPTED, f"{SERVICE_FAILED[word]} in the middle of the answer ({reason})")
    if word == INTERRUPTED:
        return Finish(INTERRUPTED, "the service broke the answer off")
    return Finish(reason, MODEL_STOPPED.get(word) or f"the model stopped for a reason that is not known ({reason})")
