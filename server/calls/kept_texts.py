"""Answers too long for a host: paid for, so they are kept to be read on, for as long as this process lives."""

from collections import OrderedDict
from secrets import token_hex

MAX_KEPT_CHARS = 20_000_000
ID_BYTES = 5  # who knows an id may read, so none can be guessed


class KeptTexts:
    """The last ones, by an id that only their reader knows."""

    def __init__(self, max_chars: int = MAX_KEPT_CHARS) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._max_chars = max_chars
        self._chars = 0

    def keep(self, text: str) -> str:
        """Its id."""
        name = token_hex(ID_BYTES)
        self._texts[name] = text
        self._chars += len(text)
        while self._chars > self._max_chars and len(self._texts) > 1:
            _, oldest = self._texts.popitem(last=False)
            self._chars -= len(oldest)
        return name

    def get(self, name: str) -> str | None:
        return self._texts.get(name.strip())
