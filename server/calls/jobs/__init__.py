"""A tools/call outlives the request that asked for it: what a host would not wait for becomes a job.

`jobs.answer(asked, work)` is one wrapper above all tools; none of them has code for it, and `ask` knows nothing of it.
"""

from .asked import Asked
from .bounds import Bounds
from .job import CURRENT_JOB
from .jobs import Jobs
from .words import SoFar

__all__ = ["CURRENT_JOB", "Asked", "Bounds", "Jobs", "SoFar"]
