"""A PDF, page by page: as pictures, and its own text layer. Read from its file as needed, never as a whole."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import sqrt
from threading import Event, Lock, Thread
from typing import Any, BinaryIO

from mcp.server.mcpserver.exceptions import ToolError

from .pictures import ONE_AT_A_TIME, Picture, encoded, require_shape

DPI = 200  # enough for small print; more costs tokens
LONGEST_DRAWING_S = 20.0
MOST_CHARACTERS = 5_000_000
PDFIUM = Lock()  # it is not made for several threads


class Pdf:
    """An open PDF. Its methods block: call them in a thread. Pages are numbered from 1."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        """Takes `file` over."""
        self.name = name
        self.file = file
        self.count = 0
        self.bytes = file.seek(0, 2)
        self._document: Any = None
        self._stop = Event()

    def open(self) -> None:
        """Raises ToolError: locked, broken or without pages."""
        import pypdfium2  # heavy: only when a PDF is read

        with PDFIUM:
            self._require_open()
            try:
                self._document = pypdfium2.PdfDocument(self.file)
                self._document.init_forms()  # what was filled in is drawn, too
                self.count = len(self._document)
            except pypdfium2.PdfiumError as error:
                why = "locked: remove its password" if "password" in str(error).lower() else "broken: save it again"
                raise ToolError(f"{self.name} is a PDF that cannot be opened, since it is {why}.") from None
        if not self.count:
            raise ToolError(f"{self.name} is a PDF without pages. Check the file.")

    def close(self) -> None:
        """Stops what is being drawn; does not wait for it."""
        self._stop.set()
        Thread(target=self._close, daemon=True).start()

    def content(self) -> bytes:
        with PDFIUM:
            self._require_open()
            self.file.seek(0)
            return self.file.read()

    def whole_text(self) -> str:
        """The text layer of all pages; empty where there is none, as in a scan.

        Raises:
            ToolError: more than is read at once.
        """
        pages: list[str] = []
        room = MOST_CHARACTERS
        for number in range(1, self.count + 1):
            pages.append(self.text(number))
            room -= len(pages[-1])
            if room < 0:
                raise ToolError(
                    f"{self.name} holds more than {MOST_CHARACTERS:,} characters. Split it and give the parts."
                )
        text = "\n\n".join(pages)
        return text if text.strip() else ""

    def _close(self) -> None:
        with PDFIUM:
            if self._document:
                self._document.close()
            self.file.close()

    def size(self, number: int, most_pixels: int) -> tuple[int, int]:
        """Of a page's picture, in pixels."""
        with PDFIUM:
            return _pixels(self._document.get_page_size(number - 1), most_pixels)

    def picture(self, number: int, most_pixels: int) -> Picture:
        """A page as it prints, at 200 dots an inch, or as many as `most_pixels` leave.

        Raises:
            ToolError: the page cannot be drawn, or takes too long.
        """
        with ONE_AT_A_TIME, self._page(number) as page:
            size = _pixels(page.get_size(), most_pixels)
            require_shape(f"Page {number} of {self.name}", *size)
            bitmap = self._drawn(page, *size)
            try:
                return encoded(bitmap.to_pil(), size)
            finally:
                bitmap.close()

    def text(self, number: int) -> str:
        """The page's text layer; empty where it has none."""
        with self._page(number) as page:
            words = page.get_textpage()
            try:
                return str(words.get_text_range()).replace("\r\n", "\n").replace("\ufffe", "")
            finally:
                words.close()

    @contextmanager
    def _page(self, number: int) -> Iterator[Any]:
        import pypdfium2

        with PDFIUM:
            self._require_open()
            try:
                page = self._document[number - 1]
                try:
                    yield page
                finally:
                    page.close()
            except pypdfium2.PdfiumError:
                raise ToolError(f"Page {number} of {self.name} is broken.") from None

    def _drawn(self, page: Any, width: int, height: int) -> Any:
        """The page as a bitmap, drawn in steps, so that it can be left."""
        import pypdfium2

        raw = pypdfium2.raw
        ends = time.monotonic() + LONGEST_DRAWING_S
        pause = raw.IFSDK_PAUSE(version=1)
        pause.NeedToPauseNow = type(pause.NeedToPauseNow)(lambda _: self._stop.is_set() or time.monotonic() > ends)
        bitmap = pypdfium2.PdfBitmap.new_native(width, height, raw.FPDFBitmap_BGR)
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)
        where = (bitmap, page, 0, 0, width, height, 0, raw.FPDF_ANNOT)
        status = raw.FPDF_RenderPageBitmap_Start(*where, pause)
        raw.FPDF_RenderPage_Close(page)
        if status != raw.FPDF_RENDER_DONE:
            bitmap.close()
            self._require_open()
            raise ToolError(f"A page of {self.name} takes too long to draw. Print it into a new PDF, or scan it.")
        if self._document.formenv:
            raw.FPDF_FFLDraw(self._document.formenv, *where)
        return bitmap

    def _require_open(self) -> None:
        if self._stop.is_set():
            raise ToolError(f"{self.name} was closed.")


def _pixels(size_pt: tuple[float, float], most_pixels: int) -> tuple[int, int]:
    width, height = size_pt
    scale = min(DPI / 72, sqrt(most_pixels / max(width * height, 1e-6)))
    return int(width * scale), int(height * scale)
