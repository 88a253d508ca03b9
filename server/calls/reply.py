"""What there is to say of a reply: on its way, and when it is not whole."""

from ..dashscope import Reply
from .progress import tail

MAX_REASONING_CHARS = 8_000


def progress_line(reply: Reply, model: str, label: str) -> str:
    """What a host is told while it comes; nothing of numbers: who asked for them counts them."""
    if reply.vectors or reply.ranks:
        return ""
    text = reply.text or reply.reasoning
    if not any(text):
        found = len(reply.search_results)
        return f"{label}{model} found {found} pages" if found else f"{label}{model} began"
    return f"{label}{model} {'says' if reply.text else 'thinks'}: {tail(''.join(text[-40:]))}"


def why_incomplete(reply: Reply) -> str:
    """Why the answer is not whole; empty when it is. One that says nothing is whole: it is paid all the same."""
    if reply.finish_reason == "length":
        return "the output limit was reached; ask for less, or raise max_output_tokens where the tool has it"
    if reply.finish_reason == "content_filter":
        return "DashScope's content filter cut the answer off"
    return reply.finish.why if reply.finish else ""


def why_empty(text: str, reasoning: str, finish_reason: str) -> str:
    """What there is to say of an answer without a word; empty where it has one."""
    if text.strip():
        return ""
    if finish_reason == "tool_calls":
        return "the answer is empty: the model called a tool instead; it is billed all the same"
    if reasoning.strip():
        return "the answer is empty: only reasoning came; it is billed all the same"
    return "the answer is empty; it is billed all the same"


def elide_middle(reasoning: str) -> str:
    """Reasoning as it is returned: a reply must fit the host, and the answer comes first."""
    if len(reasoning) <= MAX_REASONING_CHARS:
        return reasoning
    half = MAX_REASONING_CHARS // 2
    return f"{reasoning[:half]}\n[... {len(reasoning) - 2 * half:,} characters left out ...]\n{reasoning[-half:]}"
