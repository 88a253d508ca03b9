"""A page whose tiles are read each for itself: one that fails loses only itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
from mcp.server.mcpserver.exceptions import ToolError

from ...calls.ask import RequestFailed
from ...calls.salvage import Salvage
from ...errors import reason_of
from ...files import ImageFile, Pdf, Picture
from ..attachments import TargetModel, image_part
from .page import Page
from .page_input import PageInput
from .tiles import TileRead


@dataclass(frozen=True)
class TiledPage:
    """`ask` may raise RequestFailed, of which `failed` is told at once; `stopped`: why no further tile may begin."""

    number: int
    count: int
    source: ImageFile | Pdf
    layer: str
    target: TargetModel
    at_once: anyio.Semaphore
    ask: Callable[[PageInput], Awaitable[Page]]
    failed: Callable[[RequestFailed], None]
    stopped: Callable[[], str]
    tell: Callable[[str], Awaitable[None]]

    async def read(self) -> list[TileRead]:
        done: dict[int, TileRead] = {}

        async def one(tile: int) -> None:
            async with self.at_once:
                done[tile] = await self._tile_or_fault(tile)
            await self.tell(f"page {self.number}, part {tile} of {self.count} {done[tile].page.status}")

        async with anyio.create_task_group() as tasks:
            for tile in range(1, self.count + 1):
                tasks.start_soon(one, tile)
        return [done[tile] for tile in range(1, self.count + 1)]

    async def _tile_or_fault(self, tile: int) -> TileRead:
        if why := self.stopped():
            return self._missing(why)
        with Salvage("it could not be read") as step:
            return await self._tile(tile)
        return self._missing(step.note)

    async def _tile(self, tile: int) -> TileRead:
        picture = None
        try:
            picture = await self.source.picture(self.number, self.target.pixels, tile=tile)
            if picture.blank:
                return TileRead(Page(page=self.number, status="empty"), picture)
            part = image_part(await self.target.address(picture, self.source.name))
            name = f"part {tile} of {self.count}"
            return TileRead(await self.ask(PageInput(self.number, part, picture, self.layer, tile=name)), picture)
        except RequestFailed as error:
            self.failed(error)
            return self._missing(str(error), picture, error)
        except ToolError as error:
            return self._missing(reason_of(error), picture)

    def _missing(self, why: str, picture: Picture | None = None, failure: RequestFailed | None = None) -> TileRead:
        return TileRead(Page(page=self.number, status="failed", why=why), picture, failure)
