"""A PDF, page by page: as pictures, and its own text layer."""

import json
from dataclasses import dataclass

from ..errors import InvalidRequest
from .renderer import RenderedFile

MAX_PDF_TEXT_CHARS = 5_000_000


@dataclass(frozen=True)
class PageWords:
    """What a page says in letters.

    `beside`: filled form fields and notes, under their names; `unread`: how many more there are; `hidden`: letters left
    out that nobody sees; `unlooked`: too many letters to look for hidden ones; `unmapped`: letters in fonts that do not
    say which letters they draw; `more`: why it is to be looked at as well (`covered` by an image, `garbled` letters,
    `crowded` with pieces of text); `trouble`: why it is not read.
    """

    text: str = ""
    beside: tuple[str, ...] = ()
    unread: int = 0
    hidden: int = 0
    unlooked: bool = False
    unmapped: int = 0
    more: str = ""
    trouble: InvalidRequest | None = None

    @property
    def whole(self) -> str:
        """The text and what stands beside it; nothing of letters without a meaning."""
        text = "" if self.more == "garbled" else self.text
        return "\n".join(filter(None, (text.strip("\n") if self.beside else text, *self.beside)))


class Pdf(RenderedFile):
    kind = "pdf"

    def title(self, number: int) -> str:
        return f"Page {number} of {self.name}"

    async def text(self, number: int) -> str:
        """The page's text layer; empty where it has none."""
        _, content = await self._asked(self.title(number), "text", number)
        return content.decode()

    async def words(self, number: int) -> PageWords:
        """All that a page says in letters. Raises InvalidRequest: it cannot be read."""
        _, content = await self._asked(self.title(number), "words", number)
        told = json.loads(content)
        return PageWords(**{**told, "beside": tuple(told["beside"])})

    async def all_words(self, max_chars: int = MAX_PDF_TEXT_CHARS) -> list[PageWords]:
        """Of all pages; a page that cannot be read says why in `trouble`.

        Raises:
            InvalidRequest: more than is read at once, or no page can be read.
        """
        pages: list[PageWords] = []
        for number in range(1, self.count + 1):
            try:
                pages.append(await self.words(number))
            except InvalidRequest as refusal:
                pages.append(PageWords(trouble=refusal))
            max_chars -= len(pages[-1].text) + sum(map(len, pages[-1].beside))
            if max_chars < 0:
                raise InvalidRequest(f"{self.name} holds more text than is read at once. Split it and give the parts.")
        if all(page.trouble for page in pages) and (first := pages[0].trouble):
            raise first
        return pages
