"""PDFs are drawn in a process of their own: whatever they do to it, the server goes on."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import anyio
import pytest
from bailian_mcp.server import sandbox
from bailian_mcp.server.files import Pdf, Renderer, open_input
from bailian_mcp.server.settings import child_environment
from conftest import children, raw
from mcp.server.mcpserver.exceptions import ToolError
from papers import (
    PATENT,
    a_gigabyte_of_spaces,
    cropped_away,
    drawn,
    forms_within_forms,
    one_hostile_page,
    one_page,
    pdf,
    scan,
    streamed,
    tiles_without_end,
    written,
)
from PIL import Image

pytestmark = pytest.mark.anyio
OCR = 8_388_608


@asynccontextmanager
async def paper(content: bytes, folder: Path, timeout_s: float = 20) -> AsyncIterator[Pdf]:
    (folder / "a.pdf").write_bytes(content)
    async with open_input(str(folder / "a.pdf"), (folder.resolve(),), Renderer(timeout_s=timeout_s)) as found:
        assert isinstance(found, Pdf)
        yield found


async def test_a_page_is_drawn_and_its_text_is_read(tmp_path: Path) -> None:
    async with paper(pdf([PATENT, []]), tmp_path) as found:
        picture, blank = await found.picture(1, OCR), await found.picture(2, OCR)

        assert found.count == 2
        assert (picture.mime, picture.sent, picture.blank) == ("image/jpeg", (1653, 2339), False)
        assert blank.blank
        assert (await found.text(1)).splitlines() == list(PATENT)
        assert await found.text(2) == ""
        assert await found.sizes([1, 2], OCR) == [(1653, 2339)] * 2
        assert [page.text.splitlines() for page in await found.all_words()] == [list(PATENT), []]


async def test_a_page_is_drawn_as_large_as_the_model_can_use(tmp_path: Path) -> None:
    async with paper(pdf([PATENT], size_pt=lambda _: (2384, 3370)), tmp_path) as found:  # A0
        picture = await found.picture(1, OCR)

    assert picture.sent
    assert 0.99 * OCR < picture.sent[0] * picture.sent[1] <= OCR
    assert Image.open(BytesIO(picture.content)).size == picture.sent


async def test_a_page_without_a_size_costs_itself_alone(tmp_path: Path) -> None:
    async with paper(cropped_away(pdf([PATENT, PATENT]), 1), tmp_path) as found:
        assert await found.sizes([1, 2], OCR) == [None, (1653, 2339)]
        with pytest.raises(ToolError, match=r"Page 1 of a.pdf has no size: nothing of it can be seen."):
            await found.picture(1, OCR)
        assert not (await found.picture(2, OCR)).blank


async def test_a_turned_page_is_drawn_upright(tmp_path: Path) -> None:
    content = one_page(b"0 0 9 9 re f", b"/Rotate 90")
    async with paper(content, tmp_path) as found:
        assert (await found.picture(1, OCR)).sent == (2339, 1653)


@pytest.mark.parametrize("content", [forms_within_forms(), tiles_without_end()], ids=["forms", "tiles"])
async def test_a_page_that_is_never_done_is_given_up_and_the_next_is_drawn(tmp_path: Path, content: bytes) -> None:
    async with paper(content, tmp_path, timeout_s=1) as found:
        with anyio.fail_after(15):
            with pytest.raises(ToolError, match=r"Page 1 of a.pdf takes too long or too much memory to draw."):
                await found.picture(1, OCR)
            assert not (await found.picture(2, OCR)).blank


@pytest.mark.skipif(not hasattr(os, "fork"), reason="memory is limited on Unix only")
async def test_a_page_that_eats_memory_is_given_up(tmp_path: Path) -> None:
    async with paper(a_gigabyte_of_spaces(), tmp_path) as found:
        with pytest.raises(ToolError, match="too much memory"):
            await found.picture(1, OCR)
        assert not (await found.picture(2, OCR)).blank


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (written(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>"), "it is broken, or has no pages: save it again"),
        (written(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"), "Page 1 of a.pdf is broken"),
        (b"%PDF-1.7", "it is broken, or has no pages: save it again"),
        (one_hostile_page(streamed(b""), box=b"0 0 10000 3"), "Page 1 of a.pdf is 27778x9 px: both sides must exceed"),
    ],
)  # fmt: skip
async def test_what_cannot_be_drawn_is_told(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(ToolError, match=says):
        async with paper(content, tmp_path) as found:
            await found.picture(1, OCR)


async def test_a_pdf_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large.pdf").open("wb") as large:
        large.write(b"%PDF-1.7")
        large.truncate(151_000_000)

    with pytest.raises(ToolError, match=r"large.pdf has 151.00 MB; at most 150 MB are read. Shrink or split it."):
        async with open_input(str(tmp_path / "large.pdf"), (tmp_path.resolve(),)):
            pass


async def test_more_text_than_is_read_at_once_is_told(tmp_path: Path) -> None:
    async with paper(pdf([PATENT] * 9), tmp_path) as found:
        with pytest.raises(ToolError, match=r"a.pdf holds more text than is read at once\. Split it"):
            await found.all_words(1_000)


async def test_a_process_that_dies_costs_one_page(tmp_path: Path) -> None:
    async with paper(pdf([PATENT] * 2), tmp_path) as found:
        (drawing,) = children(os.getpid())
        os.kill(drawing, signal.SIGKILL)
        with pytest.raises(ToolError, match=r"Page 1 of a.pdf takes too long or too much memory"):
            await found.picture(1, OCR)
        assert (await found.picture(2, OCR)).sent


async def test_no_process_is_left_behind(tmp_path: Path) -> None:
    async with paper(forms_within_forms(), tmp_path) as found:
        with anyio.move_on_after(0.5) as cancelled:
            await found.picture(1, OCR)
        assert cancelled.cancelled_caught
        assert children(os.getpid()) == []
        assert (await found.picture(2, OCR)).sent  # after a cancel, too

    assert children(os.getpid()) == []


async def test_only_so_many_are_drawn_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([PATENT]))
    renderer = Renderer(slots=anyio.Semaphore(2))
    most = 0

    async def one() -> None:
        nonlocal most
        async with open_input(str(tmp_path / "a.pdf"), (tmp_path.resolve(),), renderer) as found:
            assert isinstance(found, Pdf)
            await found.picture(1, OCR)
            most = max(most, len(children(os.getpid())))

    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(one)

    assert 1 <= most <= 2


async def test_what_draws_does_not_know_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-planted-0123456789")
    monkeypatch.setenv("BAILIAN_HTTP_TOKEN", "planted-token-0123456789")
    assert not [name for name in child_environment() if name.startswith(("DASHSCOPE_", "BAILIAN_"))]

    (tmp_path / "a.pdf").write_bytes(forms_within_forms())
    with sandbox.running() as url:
        async with raw(DASHSCOPE_BASE_URL=url, BAILIAN_ALLOWED_DIRS=str(tmp_path)) as server:
            arguments = {"source": str(tmp_path / "a.pdf"), "pages": "1"}
            await server.send(id=1, method="tools/call", params={"name": "ocr", "arguments": arguments})
            with anyio.fail_after(10):
                while not (drawing := children(server.running.pid)):
                    await anyio.sleep(0.05)
                environment = b""
                while not environment:
                    environment = Path(f"/proc/{drawing[0]}/environ").read_bytes()
            server.running.terminate()
            with anyio.fail_after(5):
                await server.ended()

    assert b"PATH=" in environment
    assert b"planted" not in environment
    assert not Path(f"/proc/{drawing[0]}").exists()  # gone with the server


async def test_a_scan_has_no_text(tmp_path: Path) -> None:
    async with paper(scan([drawn(*PATENT)]), tmp_path) as found:
        assert [page.text for page in await found.all_words()] == [""]


async def test_a_page_tree_without_end_is_given_up_and_nobody_waits_for_its_seat(tmp_path: Path) -> None:
    """Each node names the same child ten times, thirty levels deep: PDFium would count for ever."""
    node = b"<< /Type /Pages /Kids [%b] >>"
    nodes = [node % (b"%d 0 R " % (number + 1) * 10) for number in range(2, 32)]
    endless = written(b"<< /Type /Catalog /Pages 2 0 R >>", *nodes, b"<< /Type /Pages /Kids [] >>")
    renderer = Renderer(timeout_s=0.5, slots=anyio.Semaphore(1))
    (tmp_path / "endless.pdf").write_bytes(endless)
    (tmp_path / "honest.pdf").write_bytes(pdf([PATENT]))

    with anyio.fail_after(15):
        with pytest.raises(ToolError, match=r"endless.pdf takes too long or too much memory to open."):
            async with open_input(str(tmp_path / "endless.pdf"), (tmp_path.resolve(),), renderer):
                pass
        async with open_input(str(tmp_path / "honest.pdf"), (tmp_path.resolve(),), renderer) as found:
            assert isinstance(found, Pdf)
            assert (await found.picture(1, OCR)).sent


@pytest.mark.parametrize("change", ["cut", "added"])
async def test_a_pdf_that_changes_while_it_is_read_never_hangs(tmp_path: Path, change: str) -> None:
    content = pdf([PATENT] * 2)
    async with paper(content, tmp_path) as found:
        os.kill(children(os.getpid())[0], signal.SIGKILL)  # so that the file is read anew
        with pytest.raises(ToolError, match="too long"):
            await found.picture(1, OCR)
        (tmp_path / "a.pdf").write_bytes(
            content[: len(content) // 2] if change == "cut" else content + b"\n[1, 2]\n" * 50
        )
        with anyio.fail_after(10):
            if change == "cut":
                with pytest.raises(ToolError, match=r"a.pdf is a PDF that cannot be opened|Page 2 of a.pdf is broken"):
                    await found.picture(2, OCR)
            else:
                assert (await found.picture(2, OCR)).sent


async def test_a_broken_page_does_not_hide_the_others(tmp_path: Path) -> None:
    content = one_page(b"0 0 99 99 re f", count=3)
    async with paper(content, tmp_path) as found:
        assert (await found.picture(1, OCR)).sent
        sizes = await found.sizes([1, 2, 3], OCR)
        assert sizes[0] == (1653, 2339)
        with pytest.raises(ToolError, match=r"Page 3 of a.pdf is broken. Save the PDF again."):
            await found.picture(3, OCR)
