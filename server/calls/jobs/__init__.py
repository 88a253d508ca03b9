"""A tools/call outlives the request that asked for it: what a host would not wait for becomes a job.

`jobs.answer(asked, work)` is one wrapper above all tools; none of them has code for it, and `ask` knows nothing of it.
"""

from ...spending import KEPT_S
from ...spending import JobRow as JobView
from .asked import Asked
from .bounds import Bounds
from .job import CURRENT_JOB, Job
from .jobs import Jobs
from .words import SoFar, job_of

__all__ = ["CURRENT_JOB", "KEPT_S", "Asked", "Bounds", "Job", "JobView", "Jobs", "SoFar", "job_of"]
