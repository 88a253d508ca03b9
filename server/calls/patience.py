"""How long each host may be kept waiting before it gives up, and throws away what was paid.

Measured with a scripted model in November 2026 (docs/hosts.md). Of those that send a progressToken none gave up before
88 s; the three that send none gave up at 60 s, as Claude Desktop and Cherry Studio are reported to.
"""

from .host_limits import of_host

IMPATIENT_S, PATIENT_S = 45.0, 75.0  # without a progressToken, and with one
HOSTS_S = {
    "claude-code": 240.0,  # progress keeps a call alive there; without any it ends after 5 minutes over HTTP
    "qwen": 540.0,  # its limit is 10 minutes
    "claude-ai": IMPATIENT_S,  # Claude Desktop: 60 s in most reports, and progress does not help
    "codex": IMPATIENT_S,  # its documented limit is 60 s, though 88 s passed
    "cherry": IMPATIENT_S, "cline": IMPATIENT_S, "kimi": IMPATIENT_S, "continue": IMPATIENT_S,
}  # fmt: skip


def patience_s(client_name: str, *, wants_progress: bool) -> float:
    """By the name a client gives when it connects; of one that nobody measured, by whether it asks for progress."""
    return of_host(HOSTS_S, client_name, PATIENT_S if wants_progress else IMPATIENT_S)
