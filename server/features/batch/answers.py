"""What came for each input so far, in the order in which it was asked; on the disk until it is needed."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...calls.ask import Exchange, RequestFailed, exchange_of, refused_before
from ...calls.batched import batched_loss, batched_plan
from ...calls.call import Call
from ...dashscope import DashScopeError
from .lines import input_of, round_of
from .replies import refusal_of, reply_of, was_refused
from .shards import Brought, Shard, found_lines
from .work import WorkFolder, json_lines, line_at

NO_READABLE_ANSWER = (
    "DashScope took it up and gave no answer that can be read. It may have been billed, so it was not asked again."
)


@dataclass(frozen=True)
class _Place:
    """`file` None: no line has come for it."""

    round_number: int
    file: Path | None
    at: int
    model: str
    brought: Brought


class Answers:
    """By the number of an input. `over`: the shards that are here."""

    def __init__(self, call: Call, work: WorkFolder, over: Mapping[Shard, Brought]) -> None:
        self._call = call
        self._places: dict[int, list[_Place]] = defaultdict(list)
        for shard, brought in over.items():
            self._find(work, shard, brought)

    def _find(self, work: WorkFolder, shard: Shard, brought: Brought) -> None:
        """Of each request the first line that came."""
        asked = work.file(shard.requests)
        model = next((str(line["body"]["model"]) for _, line in json_lines(asked)), "")
        for key, (file, at) in found_lines(work, shard).items():
            if file is None and not (brought.why or brought.lost):
                continue  # nobody took it up
            self._places[input_of(key)].append(_Place(round_of(key), file, at, model, brought))

    def of(self, number: int) -> list[Exchange | RequestFailed]:
        places = sorted(self._places.get(number, ()), key=lambda place: place.round_number)
        return [self._answer(place) for place in places]

    def _answer(self, place: _Place) -> Exchange | RequestFailed:
        plan, dashscope = batched_plan({"model": place.model, "messages": []}), self._call.context.dashscope
        if place.file is None:
            if place.brought.lost:
                return batched_loss(self._call, plan, DashScopeError(NO_READABLE_ANSWER))
            return refused_before(self._call.context, plan, dashscope.refusal(400, {"message": place.brought.why}))
        line = line_at(place.file, place.at)
        if reply := reply_of(line, sandbox=place.brought.sandbox):
            return exchange_of(self._call.context, plan, reply)
        if not was_refused(line):
            return batched_loss(self._call, plan, DashScopeError(NO_READABLE_ANSWER))
        error: DashScopeError = dashscope.refusal(*refusal_of(line))
        return refused_before(self._call.context, plan, error)
