"""One run of a batch: its inputs kept, what it may cost told, asked one way or the other, its output counted."""

import json
import os
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Literal

from anyio import to_thread

from ...calls.batched import BatchedRequests
from ...calls.call import Call
from ...calls.jobs import SoFar
from ...errors import InvalidRequest
from ...text import printable
from .at_once import AtOnce
from .estimate import BatchEstimate, estimated
from .half_price import HalfPrice
from .items import BatchInputs, BatchTool, batch_items
from .results import CSV, JSONL, SUFFIXES, Results, Totals, growing_results, write_csv
from .spool import spool
from .work import WorkFolder

How = Literal["now", "half_price"]
DAY_S = 24 * 3_600
MAX_WINDOW_H = 336


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
    """`left`: inputs that were not asked, since a cap ended it (`capped`). Without a `path` nothing was asked yet."""

    total: int
    totals: Totals
    estimate: BatchEstimate | None = None
    path: Path | None = None
    csv: Path | None = None
    capped: str = ""
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
    outputs, key = call.outputs(), _key(tool, given, options)
    name = _name(tool, options.output, key)
    work = WorkFolder(outputs.path / f".{name}.batch")
    if not work.path.exists():
        outputs.check(name, SUFFIXES)
    with work.held():
        total, batch = await _kept(call, tool, given, work, key)
        with growing_results(outputs, name, _identity(work, outputs.path / name)) as results:
            work.note(durable=True, output=results.identity)
            outcome = await _asked(call, tool, work, results, options, total, batch)
        if outcome.left or outcome.path is None:
            return outcome
        as_table = options.output.lower().endswith(CSV)
        table = write_csv(outputs, options.output, outcome.path) if as_table else None
        work.forget()
        return BatchOutcome(total, outcome.totals, None, outcome.path, table, notes=outcome.notes)


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
    call.tell_so_far(lambda: SoFar(text=_progress(results.totals, total), sandbox=results.totals.sandbox))
    if options.how == "now":
        call.take_as_long_as(DAY_S)
        run = AtOnce(call, tool, work, results, total)
        await run.run()
        return BatchOutcome(total, results.totals, path=results.path, capped=run.capped)
    call.require_dashscope("Batch")
    call.take_as_long_as(2 * options.window_h * 3_600)
    asked = HalfPrice(call, tool, work, results, BatchedRequests(call, batch), f"{options.window_h}h", total)
    await asked.run()
    return BatchOutcome(total, results.totals, path=results.path, notes=tuple(asked.notes))


def _progress(totals: Totals, total: int) -> str:
    return f"{totals.items:,} of {total:,} inputs, {totals.cny:f} CNY so far"


# --- what it is ---


def _key(tool: BatchTool, given: BatchInputs, options: BatchOptions) -> str:
    """The same for the same work, whatever may be spent on it."""
    said = [tool.name, options.how, given.texts, given.source, given.shared]
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
    plan = work.plan
    if plan is None:
        folders = call.context.folders
        try:
            count = await to_thread.run_sync(lambda: spool(work.path, batch_items(given, tool, folders)))
        except BaseException:
            work.forget()
            raise
        plan = {"key": key, "batch": token_hex(6), "items": count, "tool": tool.name}
        work.begin(plan)
    elif plan.get("key") != key:
        raise InvalidRequest(
            "Another batch, which is not finished, writes this output. Give another output, or the same arguments as "
            "before, which goes on with it."
        )
    return int(plan["items"]), str(plan["batch"])


def _identity(work: WorkFolder, output: Path) -> tuple[int, int] | None:
    """Of the output, where an earlier run began it, and it is still there."""
    if not os.path.lexists(output):
        return None
    found = [event["output"] for event in work.events() if "output" in event]
    return (int(found[-1][0]), int(found[-1][1])) if found else None
