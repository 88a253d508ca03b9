"""The second reader of `ocr`, as a host sees it: the real engine on real pictures, a DashScope that says what it likes."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from bailian_mcp.server.files import LocalReader, NotReadHere, ReadLine, processes
from bailian_mcp.server.files.readings import Column
from conftest import FakeDashScope, Hosted, refusal, text_of
from papers import drawn, eight_bit, one_page, pictured, saved, scan
from PIL import Image, ImageFilter
from test_ocr import read
from test_undrawn_images import BROKEN, MISSING

pytestmark = pytest.mark.anyio
INVOICE = ("12,345.67 square metres", "2024-03-05", "86 / 36 in Hangzhou")
PAPER = drawn(*INVOICE, size=(600, 400))
SHEET = drawn(*INVOICE, size=(900, 1273))  # of the shape of A4


@pytest.fixture
def era() -> str:
    """What is read here does not depend on how a host is spoken to."""
    return "2026-07-28"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One event loop for the stories that share a process."""
    return "asyncio"


@pytest.fixture(scope="module")
async def process(local_extra: None) -> AsyncIterator[LocalReader]:
    """The engine as it is served; the others ask it without its process, which takes seconds to load."""
    async with LocalReader() as process:
        yield process


class Unhurried(LocalReader):
    """One that is never done."""

    is_installed = True

    async def lines(self, content: bytes) -> Any:
        await anyio.sleep_forever()


async def ask(hosted: Hosted, folder: Path, reader: LocalReader, answers: list[Any], **arguments: Any) -> Any:
    shared = {"local_reader": reader, "second_reader": True, "second_reader_wait_s": 60, **arguments.pop("shared", {})}
    async with hosted(FakeDashScope(answers), folders=(folder.resolve(),), **shared) as host:
        return await host.call_tool("ocr", arguments)


async def ocr(
    hosted: Hosted, folder: Path, reader: LocalReader, answer: Any, content: bytes, **arguments: Any
) -> tuple[dict[str, Any], str]:
    """The only page of a file, where DashScope gives that answer; and the text of the result."""
    path = folder / arguments.pop("name", "a.png")
    path.write_bytes(content)
    answers = [read(answer) if isinstance(answer, str) else answer]
    result = await ask(hosted, folder, reader, answers, source=str(path), **arguments)
    assert not result.is_error, text_of(result)
    return result.structured_content["pages"][0], text_of(result)


async def test_a_number_that_is_not_on_the_picture_is_told_with_its_place(
    hosted: Hosted, tmp_path: Path, process: LocalReader
) -> None:
    answer = "\n".join(INVOICE).replace("12,345.67", "12,845.67")

    page, said = await ocr(hosted, tmp_path, process, answer, saved(PAPER))

    assert page["status"] == "disagrees"
    (one,) = page["second_reader"]["differences"]
    assert (one["here"], one["answer"], one["unit"]) == ("12,345.67", "12,845.67", "px")
    (left, top), _, (right, bottom), _ = one["corners"]
    assert left < 60 < 140 < right
    assert top < 45 < 55 < bottom < 90
    assert f"12,345.67 here, 12,845.67 in the answer, at {left:g},{top:g} px; look at the page" in said


async def test_a_perfect_reading_agrees_however_it_is_written(
    hosted: Hosted, tmp_path: Path, reader: LocalReader
) -> None:
    answer = "**12345.67** square metres\n\n| 2024年3月5日 |\n| --- |\n| 86 / 36 in Hangzhou |"

    page, said = await ocr(hosted, tmp_path, reader, answer, saved(PAPER))

    assert page["status"] == "ok"
    assert page["second_reader"]["numbers"] == 1
    assert "numbers 1]" in said.splitlines()[0]


async def test_what_the_answer_leaves_out_or_adds_is_told(hosted: Hosted, tmp_path: Path, reader: LocalReader) -> None:
    answer = f"{INVOICE[0]} 88,888.00\n{INVOICE[2]}"

    page, said = await ocr(hosted, tmp_path, reader, answer, saved(PAPER))

    found = {(each["here"], each["answer"]) for each in page["second_reader"]["differences"]}
    assert ("2024-03-05", "") in found or ("2024-03-05", "88,888.00") in found
    assert "88,888.00 in the answer" in said


async def test_of_a_scan_in_a_pdf_places_are_told_in_permille(
    hosted: Hosted, tmp_path: Path, reader: LocalReader
) -> None:
    answer = "\n".join(INVOICE).replace("2024-03-05", "2024-08-05")

    page, _ = await ocr(hosted, tmp_path, reader, answer, scan([SHEET]), name="a.pdf")

    (one,) = page["second_reader"]["differences"]
    assert (one["here"], one["unit"]) == ("2024-03-05", "permille")
    assert all(0 <= number <= 1000 for corner in one["corners"] for number in corner)


async def test_a_photo_on_its_side_is_read_too(hosted: Hosted, tmp_path: Path, reader: LocalReader) -> None:
    answer = "\n".join(INVOICE).replace("86 /", "26 /")

    page, _ = await ocr(hosted, tmp_path, reader, answer, saved(PAPER.rotate(90, expand=True)))

    (one,) = page["second_reader"]["differences"]
    assert (one["here"], one["answer"]) == ("86", "26")
    assert all(x < 400 and y > 500 for x, y in one["corners"])  # its lines run upwards, from the foot on


async def test_a_page_is_empty_only_if_both_find_nothing(hosted: Hosted, tmp_path: Path, reader: LocalReader) -> None:
    page, said = await ocr(hosted, tmp_path, reader, read(""), saved(PAPER))

    assert page["status"] == "disagrees"
    assert 'read here: "12,345.67 square metres' in said


async def test_a_page_that_looks_blank_is_sent_if_letters_are_read_here(hosted: Hosted, tmp_path: Path) -> None:
    class FarSighted(LocalReader):
        is_installed = True

        async def lines(self, content: bytes) -> tuple[ReadLine, ...]:
            corners = ((30.0, 30.0), (100.0, 30.0), (100.0, 60.0), (30.0, 60.0))
            return (ReadLine(corners, (Column(1, (("8", 0.99),)), Column(4, (("6", 0.99),))), 6),)

    page, _ = await ocr(hosted, tmp_path, FarSighted(), "86", saved(Image.new("RGB", (600, 400), "white")))

    assert page["text"] == "86"
    assert page["second_reader"] == {"words": 1, "numbers": 1}


async def test_blurred_letters_that_nobody_can_tell_are_not_doubted(
    hosted: Hosted, tmp_path: Path, reader: LocalReader
) -> None:
    blurred = PAPER.filter(ImageFilter.GaussianBlur(9))

    page, _ = await ocr(hosted, tmp_path, reader, "\n".join(INVOICE), saved(blurred))

    assert page["status"] == "ok"


async def test_places_that_a_model_does_not_tell_are_told_by_this_machine(
    hosted: Hosted, tmp_path: Path, reader: LocalReader
) -> None:
    page, said = await ocr(hosted, tmp_path, reader, "\n".join(INVOICE), saved(PAPER), task="advanced_recognition")

    assert [line["text"] for line in page["lines"]] == list(INVOICE)
    assert all(line["read_here"] for line in page["lines"])
    tops = [line["corners"][0][1] for line in page["lines"]]
    assert tops == sorted(tops)
    assert "its places are told by this machine, not by the model" in said


async def test_a_reader_that_is_late_keeps_nobody_waiting(hosted: Hosted, tmp_path: Path) -> None:
    page, said = await ocr(
        hosted, tmp_path, Unhurried(), "\n".join(INVOICE), saved(PAPER), shared={"second_reader_wait_s": 0.01}
    )

    assert page["status"] == "ok"
    assert page["second_reader"] == {"why": "not in time"}
    assert "second reader: not in time]" in said.splitlines()[0]


async def test_where_no_answer_came_nobody_waits_for_it(hosted: Hosted, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(PAPER))
    shared = {"local_reader": Unhurried(), "second_reader": True, "second_reader_wait_s": 3_600}
    with anyio.fail_after(30):
        async with hosted(
            FakeDashScope([refusal(401, "invalid_api_key", "Incorrect API key provided.")]),
            folders=(tmp_path.resolve(),),
            **shared,
        ) as host:
            result = await host.call_tool("ocr", {"source": str(tmp_path / "a.png")})

    assert result.is_error


async def test_nothing_is_said_of_it_where_it_is_off_or_not_installed(hosted: Hosted, tmp_path: Path) -> None:
    class Missing(LocalReader):
        is_installed = False

    for reader, shared in ((Unhurried(), {"second_reader": False}), (Missing(), {})):
        page, said = await ocr(hosted, tmp_path, reader, "86", saved(PAPER), shared=shared)
        assert "second_reader" not in page
        assert "second reader" not in said


# --- without a key ---


@pytest.mark.parametrize("chosen", ["by the call", "by the settings"])
async def test_without_a_key_this_machine_reads_free_of_charge(
    hosted: Hosted, tmp_path: Path, reader: LocalReader, chosen: str
) -> None:
    (tmp_path / "a.pdf").write_bytes(scan([SHEET, SHEET]))
    model = {"model": "local"} if chosen == "by the call" else {}
    shared = {} if model else {"models": {"ocr": "local"}}

    result = await ask(hosted, tmp_path, reader, [], source=str(tmp_path / "a.pdf"), pages="2", shared=shared, **model)

    assert text_of(result).splitlines() == ["[local | 0+0 tokens | 0 CNY | no request | read here]", *INVOICE]


async def test_a_page_without_text_is_empty_here(hosted: Hosted, tmp_path: Path, reader: LocalReader) -> None:
    page, _ = await ocr(hosted, tmp_path, reader, "", saved(Image.new("RGB", (600, 400), "white")), model="local")

    assert page["status"] == "empty"


@pytest.mark.parametrize(
    ("content", "status", "why"),
    [
        (
            saved(PAPER, "GIF", save_all=True, append_images=[drawn("2"), drawn("3")]),
            "ok",
            "the first of 3 frames was read",
        ),
        (pictured(BROKEN["JPEG"]), "failed", f"nothing on it can be seen: it was not sent; {MISSING}1"),
        (pictured(BROKEN["JPEG"], line="Total 86.00 of 2024-03-05"), "ok", f"{MISSING}1"),
        (eight_bit("ანგარიში"), "failed", "nothing on it can be seen, though it has a text of its own"),
        (one_page(b""), "empty", "there is nothing on it: it was not sent"),
    ],
    ids=["moving", "broken image", "broken beside words", "no font", "blank"],
)
async def test_what_a_picture_lacks_is_told_here_as_beside_a_model(
    hosted: Hosted, tmp_path: Path, reader: LocalReader, content: bytes, status: str, why: str
) -> None:
    page, said = await ocr(hosted, tmp_path, reader, "", content, model="local")

    assert page["status"] == status
    assert page["why"].startswith(why)
    assert why in said


async def test_what_was_not_found_and_not_drawn_is_told_in_chinese(
    hosted: Hosted, tmp_path: Path, reader: LocalReader
) -> None:
    (tmp_path / "a.pdf").write_bytes(pictured(BROKEN["JPEG"], state=b"0 0 595 300 re f "))
    shared = {"language": "zh", "structured": False}
    result = await ask(hosted, tmp_path, reader, [], source=str(tmp_path / "a.pdf"), model="local", shared=shared)

    assert "本机没有找到文字; 因损坏或编码方式未知而无法绘出的图像（请打印为新的 PDF 或重新扫描）：1 个" in text_of(
        result
    )


async def test_places_are_told_here_and_what_cannot_be_done_is_refused(
    hosted: Hosted, tmp_path: Path, reader: LocalReader
) -> None:
    page, _ = await ocr(hosted, tmp_path, reader, "", saved(PAPER), model="local", task="advanced_recognition")
    assert [line["unit"] for line in page["lines"]] == ["px"] * 3

    for arguments, why in (
        ({"task": "table_parsing"}, "model=local reads text and its places, and does no table_parsing."),
        ({"source": "https://example.com/a.png"}, "model=local fetches no URL"),
    ):
        source = {"source": str(tmp_path / "a.png"), **arguments}
        result = await ask(hosted, tmp_path, reader, [], model="local", **source)
        assert result.is_error
        assert why in text_of(result)


# --- what nobody should be hurt by ---


async def test_a_hostile_picture_is_refused_and_the_next_one_read(process: LocalReader) -> None:
    for content in (b"\x89PNG\r\n\x1a\n" + os.urandom(2000), b"", saved(PAPER)[:300]):
        with pytest.raises(NotReadHere):
            await process.lines(content)

    assert [line.text for line in await process.lines(saved(PAPER))][1] == "2024-03-05"


@pytest.mark.usefixtures("local_extra")
async def test_a_picture_that_takes_too_long_ends_its_process_alone() -> None:
    async with LocalReader(timeout_s=0.05) as hasty:
        with pytest.raises(NotReadHere, match="too long"):
            await hasty.lines(saved(Image.effect_noise((800, 800), 90)))


async def test_a_cancelled_reading_ends_at_once_and_the_next_one_begins_anew(process: LocalReader) -> None:
    await process.lines(saved(drawn("1", size=(120, 60))))  # it is loaded
    with anyio.move_on_after(0.05) as scope:
        await process.lines(saved(Image.effect_noise((1600, 1600), 90)))
    assert scope.cancelled_caught

    assert [line.text for line in await process.lines(saved(PAPER))][1] == "2024-03-05"


async def test_nothing_is_fetched_by_the_process_that_reads() -> None:
    code = (
        f"{processes.ALONE}\n"  # as it runs
        "from files.reading.process import _refuse_network\n"
        "sys.addaudithook(_refuse_network)\n"
        "import socket\n"
        "try: socket.create_connection(('127.0.0.1', 9), 1)\n"
        "except PermissionError: print('refused')"
    )
    done = await anyio.run_process([os.sys.executable, "-c", code, str(Path(processes.__file__).parent)])
    assert done.stdout == b"refused\n"
