"""One run of a batch: its inputs kept, what it may cost told, asked one way or the other, its output counted."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from stat import S_ISREG
from tempfile import TemporaryDirectory
from typing import Literal
from urllib.parse import urlsplit

from anyio import to_thread

from ...calls.batched import BatchedRequests
from ...calls.call import Call
from ...calls.jobs import SoFar
from ...catalog import plain
from ...dashscope import DashScopeError
from ...errors import InvalidRequest
from ...files import OutputFolder
from ...text import printable
from .at_once import AtOnce
from .estimate import BatchEstimate, estimated
from .half_price import HalfPrice
from .items import BatchInputs, BatchTool, batch_items
from .results import CSV, JSONL, SUFFIXES, Results, Totals, growing_results, write_csv
from .shards import first_of
from .spool import spool, spooled_items
from .work import WorkFolder

How = Literal["now", "half_price"]
DAY_S = 24 * 3_600


@dataclass(frozen=True)
class BatchOptions:
    """`output`: the file's name, "": one made of what is asked. `window_h`: how long DashScope may take, 24 to 336."""

    how: How
    output: str
    max_cost: Decimal | None
    dry_run: bool
    window_h: int = 24


@dataclass(frozen=True)
class BatchOutcome:
    """`left`: inputs that were not asked, and `why_left`. Without a `path` nothing was asked yet."""

    total: int
    totals: Totals
    estimate: BatchEstimate | None = None
    path: Path | None = None
    csv: Path | None = None
    why_left: str = ""
    notes: tuple[str, ...] = ()

    @property
    def left(self) -> int:
        return self.total - self.totals.items


async def run_batch(call: Call, tool: BatchTool, given: BatchInputs, options: BatchOptions) -> BatchOutcome:
    """Ask `tool` for each input; the output has a line for each. The same again goes on where it was.

    Raises:
        InvalidRequest: an input is wrong, or the output is another batch's; nothing was sent.
        DashScopeError: it cannot be asked now, or costs more than may be spent; what came is kept.
    """
    if options.max_cost is not None:
        call.purse.limit(options.max_cost)
    if options.dry_run:
        return await _counted(call, tool, given, options)
    if options.how == "half_price":
        call.require_dashscope("Batch")
    outputs, key = call.outputs(), _key(call, tool, given, options)
    name = _name(tool, options.output, key)
    work = WorkFolder(outputs.path / f".{name}.batch")
    if not work.path.exists():
        for each in dict.fromkeys((options.output or name, name)):
            outputs.check(each, SUFFIXES, if_there=_if_there(outputs.path / each))
    with work.held():
        total, batch = await _kept(call, tool, given, work, key)
        with growing_results(outputs, name, _identity(work, outputs.path / name)) as results, _what_came_stays():
            await to_thread.run_sync(results.read_back)
            work.note(durable=True, output=results.identity)
            outcome = await _asked(call, tool, work, results, options, total, batch)
        if outcome.left or outcome.path is None:
            return outcome
        if options.output.lower().endswith(CSV):
            ids = (item.id for item in spooled_items(work.path))
            outcome = await to_thread.run_sync(_with_table, outputs, options.output, outcome, ids)
        work.forget()
        return outcome


def _with_table(outputs: OutputFolder, name: str, outcome: BatchOutcome, order: Iterable[str]) -> BatchOutcome:
    """All is paid and written by now: a table that cannot be is said, and no more."""
    assert outcome.path
    try:
        return replace(outcome, csv=write_csv(outputs, name, outcome.path, order))
    except InvalidRequest as refusal:
        return replace(outcome, notes=(*outcome.notes, refusal.reason))


@contextmanager
def _what_came_stays() -> Iterator[None]:
    """What ends it after something was sent is said without the words that nothing was.

    Raises:
        DashScopeError: the output cannot be written, or the work folder.
    """
    try:
        yield
    except (OSError, InvalidRequest) as error:
        raise _stopped(error) from None
    except BaseExceptionGroup as several:
        found, rest = several.split((OSError, InvalidRequest))
        if rest or found is None:
            raise
        raise _stopped(first_of(found)) from None


def _stopped(error: BaseException) -> DashScopeError:
    if isinstance(error, InvalidRequest):
        return DashScopeError(f"{error.reason} What came is kept: the same call again goes on.")
    why = getattr(error, "strerror", None) or type(error).__name__
    return DashScopeError(f"The disk takes no more ({why}). What came is kept: the same call again goes on.")


async def _counted(call: Call, tool: BatchTool, given: BatchInputs, options: BatchOptions) -> BatchOutcome:
    """Nothing is sent, and nothing stays."""
    with TemporaryDirectory() as folder:
        work = WorkFolder(Path(folder) / "work")
        with work.held():
            total, _ = await _kept(call, tool, given, work, "")
            return BatchOutcome(total, Totals(), await estimated(call, tool, work, batch=options.how == "half_price"))


async def _asked(
    call: Call, tool: BatchTool, work: WorkFolder, results: Results, options: BatchOptions, total: int, batch: str
) -> BatchOutcome:
    latest: list[str] = []
    call.tell_so_far(lambda: SoFar(known=_so_far(results, total, latest), sandbox=results.totals.sandbox))
    if options.how == "now":
        call.take_as_long_as(DAY_S)
        if options.max_cost is not None and results.totals.items < total:
            _limit(call, options.max_cost, results.totals.cny)
        run = AtOnce(call, tool, work, results, total)
        await run.run()
        return BatchOutcome(total, results.totals, path=results.path, why_left=run.why_left)
    call.take_as_long_as(2 * options.window_h * 3_600)
    requests = BatchedRequests(call, batch)
    asked = HalfPrice(call, tool, work, results, requests, f"{options.window_h}h", total, latest)
    await asked.run()
    return BatchOutcome(total, results.totals, path=results.path, notes=tuple(asked.notes))


def _limit(call: Call, max_cost: Decimal, spent: Decimal) -> None:
    """To what earlier calls left of it.

    Raises:
        InvalidRequest: nothing.
    """
    if spent >= max_cost:
        raise InvalidRequest(
            f"This batch has cost {plain(spent)} CNY by now, and max_cost is {plain(max_cost)}. "
            "Give a higher max_cost: it goes on with what is left."
        )
    call.purse.limit(max_cost - spent)


def _so_far(results: Results, total: int, latest: list[str]) -> str:
    """`latest`: what DashScope said of it last, if anything."""
    totals = results.totals
    there = f"{totals.items:,} of {total:,} inputs are in {results.path}, {totals.cny:f} CNY so far."
    at_dashscope = [f"Last seen at DashScope: {latest[-1]}."] if latest else []
    return " ".join([there, *at_dashscope, "If it is stopped, batch with the same arguments goes on with it."])


# --- what it is ---


def _if_there(path: Path) -> str:
    """Who asks once more what is answered would pay once more."""
    return f"If this batch wrote it, it is whole: read {path}. To ask all again, give another output."


def _key(call: Call, tool: BatchTool, given: BatchInputs, options: BatchOptions) -> str:
    """The same for the same work of the same caller, whatever may be spent on it."""
    said = [call.client, tool.name, options.how, given.texts, given.source, given.shared]
    return sha256(json.dumps(said, sort_keys=True, default=str).encode("utf-8", "surrogatepass")).hexdigest()


def _name(tool: BatchTool, output: str, key: str) -> str:
    """Of the lines; a table beside it has the same name with another end."""
    name = output or f"{tool.name}-{key[:8]}{JSONL}"
    if not name.lower().endswith(SUFFIXES):
        raise InvalidRequest(f"{printable(name)} does not end in {JSONL} or {CSV}. Give it such a name.")
    return f"{name[: -len(CSV)]}{JSONL}" if name.lower().endswith(CSV) else name


async def _kept(call: Call, tool: BatchTool, given: BatchInputs, work: WorkFolder, key: str) -> tuple[int, str]:
    """The inputs, on the disk; how many, and the batch's own id.

    Raises:
        InvalidRequest: one is wrong, or another batch has this output.
    """
    plan, service = work.plan, call.context.host.compatible
    if plan is None:
        work.require_nothing_asked()
        folders = call.context.folders
        try:
            count = await to_thread.run_sync(lambda: spool(work.path, batch_items(given, tool, folders)))
        except BaseException:
            work.forget()
            raise
        plan = {"key": key, "batch": token_hex(6), "items": count, "tool": tool.name, "service": service}
        work.begin(plan)
    elif plan["key"] != key:
        raise InvalidRequest(
            "Another batch, which is not finished, writes this output. Give another output, or the same arguments as "
            "before, which goes on with it."
        )
    elif plan["service"] != service:
        begun, now = (urlsplit(url).netloc for url in (plan["service"], service))
        raise InvalidRequest(
            f"This batch was begun at {begun}, and {now} is set now. Set that again, or give another output."
        )
    return int(plan["items"]), str(plan["batch"])


def _identity(work: WorkFolder, output: Path) -> tuple[int, int] | None:
    """Of the output, where an earlier run began it, and it is still there."""
    if not os.path.lexists(output):
        return None
    found = [event["output"] for event in work.events() if "output" in event]
    if found:
        return int(found[-1][0]), int(found[-1][1])
    at = os.lstat(output)
    return (at.st_dev, at.st_ino) if S_ISREG(at.st_mode) and not at.st_size else None  # it ended before it could say so
