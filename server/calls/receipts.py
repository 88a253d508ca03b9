"""What each call spent, whole, for as long as this process lives: the line of an answer says only the sum."""

from collections import OrderedDict

from .result import CallResult

MAX_RECEIPTS = 2_000
MIN_ID_CHARS = 6  # a shorter piece of an id fits too many calls, other people's among them


class Receipt(CallResult):
    """One call. `finish_reasons`, `thinking`: of its requests, each once."""

    tool: str
    finish_reasons: tuple[str, ...]
    thinking: tuple[str, ...]


class Receipts:
    """The last ones, by request id."""

    def __init__(self, max_receipts: int = MAX_RECEIPTS) -> None:
        self._max_receipts = max_receipts
        self._kept: OrderedDict[tuple[str, str], Receipt] = OrderedDict()

    def keep(self, client: str, receipt: Receipt) -> None:
        for request_id in receipt.request_ids:
            self._kept[client, request_id] = receipt
        while len(self._kept) > self._max_receipts:
            self._kept.popitem(last=False)

    def find(self, client: str, request_id: str) -> dict[str, Receipt]:
        """Of a client's own by request id: the one of that id, or all whose id begins or ends so."""
        asked = request_id.strip()
        if (client, asked) in self._kept:
            return {asked: self._kept[client, asked]}
        if len(asked) < MIN_ID_CHARS:
            return {}
        own = ((name, receipt) for (whose, name), receipt in self._kept.items() if whose == client)
        return {name: receipt for name, receipt in own if name.startswith(asked) or name.endswith(asked)}
