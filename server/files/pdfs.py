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

    async def texts(self, max_chars: int = MAX_PDF_TEXT_CHARS) -> tuple[list[str | None], list[str]]:
        """The text layers of all pages, empty ones where there is none, as in a scan; and what is wrong with pages that
        cannot be read, in whose place None stands.

        Raises:
            InvalidRequest: more than is read at once, or no page can be read.
        """
        pages: list[str | None] = []
        broken: list[InvalidRequest] = []
        for number in range(1, self.count + 1):
            try:
                pages.append(await self.text(number))
            except InvalidRequest as refusal:
                pages.append(None)
                broken.append(refusal)
            max_chars -= len(pages[-1] or "")
            if max_chars < 0:
                raise InvalidRequest(f"{self.name} holds more text than is read at once. Split it and give the parts.")
        if len(broken) == self.count:
            raise broken[0]
        return pages, [refusal.reason for refusal in broken]
