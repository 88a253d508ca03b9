"""A PDF, page by page: as pictures, and its own text layer."""

from ..errors import InvalidRequest
from .renderer import RenderedFile

MAX_PDF_TEXT_CHARS = 5_000_000


class Pdf(RenderedFile):
    kind = "pdf"

    def _page(self, number: int) -> str:
        return f"Page {number} of {self.name}"

    async def text(self, number: int) -> str:
        """The page's text layer; empty where it has none."""
        _, content = await self._asked(self._page(number), "text", number)
        return content.decode()

    async def texts(self, max_chars: int = MAX_PDF_TEXT_CHARS) -> list[str]:
        """The text layers of all pages; empty ones where there is none, as in a scan.

        Raises:
            InvalidRequest: more than is read at once.
        """
        pages: list[str] = []
        for number in range(1, self.count + 1):
            pages.append(await self.text(number))
            max_chars -= len(pages[-1])
            if max_chars < 0:
                raise InvalidRequest(f"{self.name} holds more text than is read at once. Split it and give the parts.")
        return pages
