"""What is neither an image nor a PDF: a text, a document of Word, PowerPoint or EPUB, or what is not read here."""

from dataclasses import dataclass
from typing import BinaryIO

from ..errors import InvalidRequest
from .images import unread_kind
from .office import Package, UnreadOffice
from .texts import decoded

MAX_PLAIN_TEXT_BYTES = 20_000_000
ZIP, OLE, MOBI = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"BOOKMOBI"
MOBI_AT = 60


@dataclass(frozen=True)
class OtherText:
    """What a file says. `notes`: what of it is not in its text."""

    text: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class OtherFile:
    """Open until the block of `open_input` is left."""

    name: str
    file: BinaryIO
    size_bytes: int

    def text(self) -> str:
        """Raises InvalidRequest as `read` does."""
        return self.read().text

    def read(self) -> OtherText:
        """Raises InvalidRequest: it is no text, or not read here."""
        if not self.size_bytes:
            raise InvalidRequest(f"{self.name} is empty (0 bytes). Check the file.")
        head = self._beginning()
        if head.startswith(ZIP):
            return self._office_text()
        if head.startswith(OLE):
            raise self._unread()
        if kind := "an e-book" if self.is_mobi else unread_kind(head):
            raise InvalidRequest(f"{self.name} is {kind}, which is not read. Save it as PNG, JPEG or PDF.")
        require_size(self.name, self.size_bytes, MAX_PLAIN_TEXT_BYTES)
        self.file.seek(0)
        return OtherText(decoded(self.file.read(), self.name))

    @property
    def kind(self) -> str:
        """docx, pptx, xlsx, epub or mobi; empty: a text, or what is not known."""
        if self.is_mobi:
            return "mobi"
        if not self._beginning().startswith(ZIP):
            return ""
        try:
            return Package(self.file).kind
        except UnreadOffice:
            return ""

    @property
    def is_mobi(self) -> bool:
        return self._beginning()[MOBI_AT:].startswith(MOBI)

    def _office_text(self) -> OtherText:
        try:
            package = Package(self.file)
            text = package.text()
        except UnreadOffice:
            raise self._unread() from None
        return OtherText(text, self._unseen(package, "that are not read"))

    def unsure(self) -> tuple[str, ...]:
        """Of a workbook, which is not read here: what of it DashScope may not see. No page says whether it does."""
        try:
            package = Package(self.file)
        except UnreadOffice:
            return ()
        return self._unseen(package, "that DashScope may not read") if package.kind == "xlsx" else ()

    def _unseen(self, package: Package, what: str) -> tuple[str, ...]:
        return tuple(
            f"{self.name} has {kind} {what}: {count}. Save it as PDF to have them seen."
            for kind, count in sorted(package.unread.items())
        )

    def _unread(self) -> InvalidRequest:
        return InvalidRequest(f"{self.name} is an Office document or an archive. Save it as PDF and give that.")

    def _beginning(self) -> bytes:
        self.file.seek(0)
        return self.file.read(MOBI_AT + len(MOBI))


def require_size(name: str, size_bytes: int, most: int) -> None:
    """Raises InvalidRequest: it has more."""
    if size_bytes > most:
        raise InvalidRequest(
            f"{name} has {size_bytes / 1e6:.2f} MB; at most {most / 1e6:.0f} MB are read. Shrink or split it."
        )
