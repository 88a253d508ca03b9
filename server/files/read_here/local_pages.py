"""The pages of a call that are read here while DashScope reads them; none of them keeps anybody waiting for long."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise

import anyio
from anyio.abc import TaskGroup

from ..local_reader import LocalReader, NotReadHere
from ..readings import ReadLine
from ..renderer import Picture
from .geometry import PageGeometry, Unit

NOT_IN_TIME = "not in time"
MAX_WAITING = 16  # pictures in memory that nobody has read yet


@dataclass(frozen=True)
class ReadHere:
    """The lines of a page, with corners in `unit`; or why it was not read."""

    lines: tuple[ReadLine, ...] = ()
    unit: Unit = "px"
    why: str = ""


@dataclass(frozen=True)
class _Part:
    """What was read of a page or of a tile of it, and its first and last row, all in the unit of the page."""

    lines: tuple[ReadLine, ...]
    top: float
    bottom: float
    geometry: PageGeometry


@asynccontextmanager
async def local_pages(reader: LocalReader) -> AsyncIterator["LocalPages"]:
    """What was not read when the block is left is not read any more. What the block raises comes out as it is."""
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        try:
            yield LocalPages(reader, tasks)
        except Exception as error:  # noqa: BLE001  # the group would wrap it, and nobody would know it again
            failure = error
        tasks.cancel_scope.cancel()
    if failure:
        raise failure


@dataclass
class LocalPages:
    reader: LocalReader
    tasks: TaskGroup
    _begun: set[tuple[int, str]] = field(default_factory=set)  # pages, and tiles of them
    _parts: dict[int, list[_Part]] = field(default_factory=lambda: defaultdict(list))
    _whys: dict[int, str] = field(default_factory=dict)
    _waiting: int = 0
    _none_waits: anyio.Event = field(default_factory=anyio.Event)

    def begin(self, number: int, tile: str, picture: Picture, geometry: PageGeometry) -> None:
        """Read a picture, however often it is asked for."""
        if (number, tile) in self._begun:
            return
        self._begun.add((number, tile))
        if self._waiting >= MAX_WAITING:
            return
        if not self._waiting:
            self._none_waits = anyio.Event()
        self._waiting += 1
        self.tasks.start_soon(self._read, number, picture, geometry)

    async def finish(self, wait_s: float) -> None:
        """Wait so long for what is under way."""
        if self._waiting:
            with anyio.move_on_after(wait_s):
                await self._none_waits.wait()

    def of(self, number: int) -> ReadHere | None:
        """None: it was never begun, as a page that could not be drawn."""
        count = sum(page == number for page, _ in self._begun)
        if not count:
            return None
        parts = sorted(self._parts[number], key=lambda part: part.top)
        if why := self._whys.get(number, "" if len(parts) == count else NOT_IN_TIME):
            return ReadHere(why=why)
        return ReadHere(tuple(_joined(parts)), parts[0].geometry.unit)

    def is_ready(self, number: int) -> bool:
        """Whether all that was begun of it has ended."""
        begun = sum(page == number for page, _ in self._begun)
        return begun > 0 and (number in self._whys or len(self._parts[number]) == begun)

    def taken(self, number: int) -> ReadHere | None:
        """As `of`, and forgotten: a hundred pages of letters would fill the memory."""
        found = self.of(number)
        self._begun = {each for each in self._begun if each[0] != number}
        self._parts.pop(number, None)
        return found

    async def _read(self, number: int, picture: Picture, geometry: PageGeometry) -> None:
        try:
            lines = await self.reader.lines(picture.content)
        except NotReadHere as error:
            self._whys[number] = str(error)
        except Exception as error:  # noqa: BLE001  # as no process to be had: what was paid is not lost for it
            self._whys[number] = f"{type(error).__name__} while it was read"
        else:
            self._parts[number].append(_part(lines, picture, geometry))
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._none_waits.set()


def _part(lines: tuple[ReadLine, ...], picture: Picture, geometry: PageGeometry) -> _Part:
    (_, top), (_, bottom) = geometry.from_pixels([(0, 0), (0, (picture.sent or (0, 0))[1])])
    placed = tuple(replace(line, corners=geometry.from_pixels(line.corners)) for line in lines)
    return _Part(placed, top, bottom, geometry)


def _joined(parts: list[_Part]) -> Iterator[ReadLine]:
    """Tiles overlap: what lies there is taken from the upper one down to the middle, from the lower one below."""
    middles = [(upper.bottom + lower.top) / 2 for upper, lower in pairwise(parts)]
    for part, begin, end in zip(parts, [float("-inf"), *middles], [*middles, float("inf")], strict=True):
        yield from (line for line in part.lines if begin <= line.middle[1] < end)
