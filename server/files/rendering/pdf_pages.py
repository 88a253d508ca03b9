"""The pages of a PDF."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

from .cutting import Tiles, tiles_of, tiles_wanted
from .drawn import file_of
from .fallback_fonts import use_fallback_fonts
from .limits import ANY_PIXELS, DPI, MIN_SCAN_PIXELS, RenderRefusal, Response, Size, require_shape
from .object_table import opened
from .page_units import PageUnits

if TYPE_CHECKING:
    from .seen_text import SeenText

UNOPENED = {
    "password": "it is locked: remove its password",
    "security": "it is locked in a way not known here (for holders of a certificate, perhaps): save it unlocked",
}
MAX_NAMED = 5  # attached files
MAX_FILE_NAME_CHARS = 80
BROKEN_FILE = "it is broken, or has no pages: save it again"


class PdfPages:
    def __init__(self, content: bytes) -> None:
        import pypdfium2

        use_fallback_fonts()
        try:
            self._document = opened(content)
            self._document.init_forms()  # what was filled in is drawn, too
        except pypdfium2.PdfiumError as error:
            why = next((why for word, why in UNOPENED.items() if word in str(error).lower()), BROKEN_FILE)
            raise RenderRefusal(f"is a PDF that cannot be opened, since {why}.") from None
        self.count = len(self._document)
        self._units = PageUnits(self._document, content)
        self._tiles: dict[tuple[int, int], Tiles] = {}
        if b"/BrotliDecode" in content:
            raise RenderRefusal("is a PDF packed with Brotli, which is not unpacked here. Print it to a new PDF.")
        self.notes = list(self._document_notes())

    def size(self, number: int, max_pixels: int, *, looks: bool = True) -> Size:
        if not looks:
            with _broken_page():
                return _sides(self._document.get_page_size(number - 1), self._usual(number), max_pixels)
        with self._page(number) as page:
            return _sides(page.get_size(), self._finest(page, number), max_pixels)

    def tiles(self, number: int, max_pixels: int, *, looks: bool = True) -> Tiles:
        whole = self.size(number, ANY_PIXELS, looks=False)  # or smaller
        wanted = tiles_wanted(whole, max_pixels, None)
        if wanted == 1 or not looks:
            return tiles_of(whole, wanted, None)
        if (number, max_pixels) not in self._tiles:
            with self._page(number) as page:
                self._tiles[number, max_pixels] = self._cut(page, number, max_pixels)
        return self._tiles[number, max_pixels]

    def _cut(self, page: Any, number: int, max_pixels: int) -> Tiles:
        from .letters import small_letter
        from .page_drawing import grey_rows

        finest = self._finest(page, number)
        whole = _sides(page.get_size(), finest, ANY_PIXELS)
        if tiles_wanted(whole, max_pixels, None) == 1:
            return tiles_of(whole, 1, None)
        letter = small_letter(page)
        wanted = tiles_wanted(whole, max_pixels, letter and letter * finest)
        return tiles_of(whole, wanted, grey_rows(page, whole) if wanted > 1 else None)

    def picture(self, number: int, max_pixels: int, quality: int = 0, tile: int = 0) -> Response:
        from .page_drawing import page_picture
        from .undrawn_images import count_undrawn

        tiles = self.tiles(number, max_pixels) if tile else None
        with self._page(number) as page:
            finest = self._finest(page, number)
            require_shape(*_sides(page.get_size(), finest, max_pixels))
            if tiles:
                scale = finest * _scale(tiles.size(tile), 1, max_pixels)
                image, fonts = page_picture(page, scale, tiles.shares(tile))
            else:
                image, fonts = page_picture(page, _scale(page.get_size(), finest, max_pixels))
            images = count_undrawn(page)
        facts, content = file_of(image, image.size, lossless=False, quality=quality)
        missing = {"missing_fonts": fonts, "missing_images": images}
        return {**facts, **missing, **(tiles.told(tile) if tiles else {})}, content

    def _usual(self, number: int) -> float:
        """Pixels to a unit of the page at the usual dots an inch."""
        return DPI / 72 * self._units[number]

    def _finest(self, page: Any, number: int) -> float:
        """Pixels to a unit of the page that are of use."""
        from .scans import finest_image

        usual = self._usual(number)
        width, height = page.get_size()
        of_images = finest_image(page)
        floor = sqrt(MIN_SCAN_PIXELS / max(width * height, 1e-6))
        return min(usual, max(0.9995 * of_images, floor)) if of_images else usual

    def text(self, number: int) -> str:
        """Its text layer, as far as people see it."""
        with self._page(number) as page:
            seen = _seen(page, self._units[number])
            return seen.text if seen else ""

    def words(self, number: int) -> dict[str, Any]:
        """All that it says in letters, and why it is to be looked at as well."""
        from .page_words import beside_the_text, says_more

        with self._page(number) as page:
            seen = _seen(page, self._units[number])
            beside, unread = beside_the_text(page, self._document.formenv)
            more = says_more(page, seen.text) if seen else "crowded"
        return {**(asdict(seen) if seen else {}), "beside": beside, "unread": unread, "more": more}

    def _document_notes(self) -> Iterator[str]:
        """What of the document is not on its pages, in sentences that follow its name."""
        from pypdfium2 import raw

        document = self._document
        if count := document.count_attachments():
            named = [_attached_name(document, number) for number in range(min(count, MAX_NAMED))]
            yield f"holds attached files, which are not read: {', '.join(named)}."
        if document.get_formtype() in (raw.FORMTYPE_XFA_FULL, raw.FORMTYPE_XFA_FOREGROUND):
            yield "is an XFA form, which Adobe's programs alone show whole: print it to a new PDF."

    @contextmanager
    def _page(self, number: int) -> Iterator[Any]:
        with _broken_page():
            page = self._document[number - 1]
            try:
                yield page
            finally:
                page.close()


def _attached_name(document: Any, number: int) -> str:
    import pypdfium2

    try:
        name = " ".join(document.get_attachment(number).get_name().split())
    except pypdfium2.PdfiumError:
        return "one that is broken"
    return "".join(letter if letter.isprintable() else "?" for letter in name[:MAX_FILE_NAME_CHARS])


def _seen(page: Any, unit: float) -> "SeenText | None":
    """None: it has too many pieces of text to be read."""
    from .seen_text import seen_text, text_parts
    from .unmapped import count_unmapped

    if (parts := text_parts(page)) is None:
        return None
    words = page.get_textpage()
    try:
        return replace(seen_text(page, words, parts, unit), unmapped=count_unmapped(words))
    finally:
        words.close()


@contextmanager
def _broken_page() -> Iterator[None]:
    import pypdfium2

    try:
        yield
    except pypdfium2.PdfiumError:
        raise RenderRefusal("is broken. Save the PDF again.") from None


def _sides(size: tuple[float, float], finest: float, max_pixels: int) -> Size:
    """Of its picture, in pixels."""
    if min(size) <= 0:
        raise RenderRefusal("has no size: nothing of it can be seen. Save the PDF again.")
    scale = _scale(size, finest, max_pixels)
    return ceil(size[0] * scale), ceil(size[1] * scale)


def _scale(size: tuple[float, float], finest: float, max_pixels: int) -> float:
    """Pixels a unit, for a page of that size; a little less than they allow, since sides are rounded up."""
    width, height = size
    return min(finest, 0.999 * sqrt(max_pixels / max(width * height, 1e-6)))
