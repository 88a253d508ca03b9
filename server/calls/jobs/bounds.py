"""How long and how many."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Seconds, unless a name says otherwise."""

    join_after_s: float = 10  # hosts ask again after a time-out of their own; twins asked together stay two
    replay_s: float = 600  # how long an answer that reached nobody waits for the same question
    snapshot_s: float = 3  # how much of an answer a process that is killed may lose
    poll_s: float = 0.5  # how often a job of another process is looked at
    lease_s: float = 12  # how long it runs for who waits elsewhere, unless that one says so again: clocks differ, too
    max_job_s: float = 3_600  # nobody may be waiting any more
    max_handed_out: int = 100  # running jobs of a client; the next call is waited for, as if there were no jobs
    max_remembered_chars: int = 20_000_000  # of what is done, beside the file
