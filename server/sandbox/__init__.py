"""A stand-in DashScope on loopback, for the demo, the tests and people who build agents: no key, no cost.

Deterministic: the same request gets the same reply. It checks requests as DashScope does, its usage adds up, and a
model named `sandbox-<fault>` fails in that way. Every reply carries a header, so that no answer passes for a real one.
It speaks chat completions, native generation (text and multimodal) and the Responses API, well enough for the SDKs.
"""

from .protocols import Pace as Pace
from .service import app as app
from .service import running as running
from .service import serve as serve
