"""The output: one line of JSON for each input, as it comes; at the end the same as CSV, where that is asked for."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

from mcp.types import CallToolResult

from ...calls.call import Call
from ...calls.spent import Spent
from ...catalog import plain
from ...files import OutputFile, OutputFolder
from ...json_text import dict_of
from ...text import inert
from .work import end_of_lines, json_line, json_lines, line_at

JSONL, CSV = ".jsonl", ".csv"
SUFFIXES = (JSONL, CSV)
SAID_OTHERWISE = (
    "model",
    "usage",
    "cost",
    "request_id",
    "request_ids",
    "elapsed_s",
    "sandbox",
)  # said in a few words of our own
MAX_NAMED_IDS = 10


@dataclass
class Totals:
    """`ends`: how many items ended how; `named`: some ids of those that did not end well, `why`: what the first says;
    `unpriced`: items.
    """

    ends: Counter[str] = field(default_factory=Counter)
    named: list[str] = field(default_factory=list)
    why: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cny: Decimal = Decimal()
    unpriced: int = 0
    sandbox: bool = False

    @property
    def items(self) -> int:
        return self.ends.total()

    @property
    def known_cny(self) -> Decimal | None:
        """None: the price of none is known, so that it is not nothing."""
        return None if self.unpriced and self.unpriced == self.items - self.ends["uncertain"] else self.cny

    def add(self, record: Mapping[str, Any]) -> None:
        end = str(record.get("end"))
        self.ends[end] += 1
        if end != "done" and len(self.named) < MAX_NAMED_IDS:
            self.named.append(str(record.get("id")))
            self.why = self.why or str(record.get("error") or "")
        self.input_tokens += int(record.get("input_tokens") or 0)
        self.output_tokens += int(record.get("output_tokens") or 0)
        self.cny += Decimal(str(record.get("cost_cny") or 0))
        self.unpriced += record.get("cost_cny") is None and end != "uncertain"
        self.sandbox = self.sandbox or bool(record.get("sandbox"))


class Results:
    """What is written by now, by id."""

    def __init__(self, file: OutputFile) -> None:
        self._file = file
        self.totals = Totals()
        self.ids: set[str] = set()

    @property
    def path(self) -> Path:
        return self._file.path

    @property
    def identity(self) -> tuple[int, int]:
        return self._file.identity

    def read_back(self) -> None:
        """What an earlier run wrote; a line that was not written to its end is gone, and nothing else."""
        for _, record in json_lines(self.path):
            self._count(record)
        self._file.cut(end_of_lines(self.path))

    def write(self, record: dict[str, Any]) -> None:
        self._file.write(json_line(record))
        self._count(record)

    def _count(self, record: Mapping[str, Any]) -> None:
        self.ids.add(str(record.get("id")))
        self.totals.add(record)


@contextmanager
def growing_results(folder: OutputFolder, name: str, identity: tuple[int, int] | None) -> Iterator[Results]:
    """A new file, or the one of that identity, gone on with."""
    opened = folder.continued_file(name, SUFFIXES, identity) if identity else folder.growing_file(name, SUFFIXES)
    with opened as file:
        yield Results(file)


def record_of(id: str, item: Call, result: CallToolResult) -> dict[str, Any]:
    """What a tool gave, without what is said in every answer."""
    data = result.structured_content or {}
    rest = {
        name: value for name, value in data.items() if name not in SAID_OTHERWISE and value not in (None, "", [], {})
    }
    end = "failed" if result.is_error else "done"
    return {"id": id, "end": end, **rest, **_spent(item.spent(str(data.get("model", ""))))}


def failure_of(id: str, item: Call, said: str) -> dict[str, Any]:
    return {"id": id, "end": "failed", "error": said, **_spent(item.spent(""))}


def uncertain_of(id: str) -> dict[str, Any]:
    """A process ended while it was asked, or somebody stopped it."""
    said = "It was being asked when the batch was stopped: it may have been billed, so it was not asked again."
    return {"id": id, "end": "uncertain", "error": said}


def _spent(spent: Spent) -> dict[str, Any]:
    usage, total = spent["usage"], spent["cost"].total
    return {
        "model": spent["model"],
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "cost_cny": None if total is None else plain(total),
        "request_ids": list(spent["request_ids"]),
        **({"sandbox": True} if spent["sandbox"] else {}),
    }


def write_csv(folder: OutputFolder, name: str, results: Path, order: Iterable[str]) -> Path:
    """Flat: what an extraction found stands in columns of its own. `order`: the ids of the inputs, as given."""
    columns = dict.fromkeys(("id", "end"))
    for part in (_found, _flat):  # of inputs that failed, too, what was asked for comes first
        columns |= dict.fromkeys(column for _, record in json_lines(results) for column in part(record))
    places = {str(record.get("id")): at for at, record in json_lines(results)}
    with folder.new_file(name, (CSV,), or_like_it=True) as file:
        file.write("\N{ZERO WIDTH NO-BREAK SPACE}".encode())  # without it Excel takes UTF-8 for something else
        file.write(_row(map(inert, columns)))
        for flat in (_flat(line_at(results, places[id])) for id in order if id in places):
            file.write(_row([_cell(flat.get(column)) for column in columns]))
    return file.path


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in record.items() if name != "data" or not _found(record)}
    return {**rest, **_found(record)}


def _found(record: Mapping[str, Any]) -> dict[str, Any]:
    """What an extraction found; what has the name of a column of ours says whose it is."""
    found = dict_of(record.get("data"))
    return {f"data.{name}" if name in record else name: value for name, value in found.items()}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return inert(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _row(cells: Any) -> bytes:
    line = StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()
