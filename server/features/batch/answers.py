"""What came for each input so far, in the order in which it was asked; on the disk until it is needed."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...calls.ask import Exchange, RequestFailed, refused_before
from ...calls.batched import batched_exchange, batched_plan
from ...calls.call import Call
from ...dashscope import DashScopeError
from .lines import input_of, round_of
from .replies import refusal_of, reply_of
from .shards import Brought, Shard
from .work import WorkFolder, json_lines, line_at


@dataclass(frozen=True)
class _Place:
    round_number: int
    file: Path
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
        asked = work.file(shard.requests)
        model = next((str(line["body"]["model"]) for _, line in json_lines(asked)), "")
        files = [asked] if brought.why else [work.file(shard.replies), work.file(shard.failures)]
        for file in files:
            for at, line in json_lines(file):
                key = str(line.get("custom_id"))
                self._places[input_of(key)].append(_Place(round_of(key), file, at, model, brought))

    def of(self, number: int) -> list[Exchange | RequestFailed]:
        places = sorted(self._places.get(number, ()), key=lambda place: place.round_number)
        return [self._answer(place) for place in places]

    def _answer(self, place: _Place) -> Exchange | RequestFailed:
        plan, dashscope = batched_plan({"model": place.model, "messages": []}), self._call.context.dashscope
        if place.brought.why:
            return refused_before(self._call.context, plan, dashscope.refusal(400, {"message": place.brought.why}))
        line = line_at(place.file, place.at)
        if reply := reply_of(line, sandbox=place.brought.sandbox):
            return batched_exchange(self._call, plan, reply)
        error: DashScopeError = dashscope.refusal(*refusal_of(line))
        return refused_before(self._call.context, plan, error)
