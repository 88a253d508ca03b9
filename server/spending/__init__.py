"""What outlives a call: one SQLite file in the state folder, safe for several servers at once."""

from .database import Database
from .kept_jobs import KEPT_S, JobRow, JobState, KeptJobs

__all__ = ["KEPT_S", "Database", "JobRow", "JobState", "KeptJobs"]
