"""A long screenshot and a large drawing are read in tiles whose letters stay legible, and come back as one page."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest
from conftest import FakeDashScope, Hosted, chunk, finish, refusal, sse, stream, text_of, told, usage
from papers import image_of, one_page, pdf, saved, streamed, written
from PIL import Image, ImageDraw
from pypdf import PdfWriter

pytestmark = pytest.mark.anyio
OCR = 8_388_608
WIDTH, LINE_PX, LETTER_PX, BLOCK_PX = 1080, 42, 28, 60  # as a screenshot's lines are
BITS = 12
LINES = 357  # 15,000 pixels
INK = 100


@pytest.fixture
def era() -> str:
    """What is cut here does not depend on how a host is spoken to."""
    return "2026-07-28"


def lines_drawn(numbers: list[int], *, striped: bool = False, size: tuple[int, int] | None = None) -> Image.Image:
    """Each line is a number in blocks, which `lines_on` reads; stripes leave no row without ink."""
    image = Image.new("L", size or (WIDTH, LINE_PX * len(numbers)), "white")
    pen = ImageDraw.Draw(image)
    for left in range(0, image.width, 8) if striped else ():
        pen.rectangle((left, 0, left + 3, image.height), fill=150)
    for row, number in enumerate(numbers):
        top = LINE_PX * row + 7
        for bit, inked in enumerate([True, *(number >> bit & 1 for bit in range(BITS))]):
            if inked:
                pen.rectangle((20 + 80 * bit, top, 20 + 80 * bit + BLOCK_PX - 1, top + LETTER_PX - 1), fill="black")
    return image


def lines_on(image: Image.Image) -> list[tuple[str, int, int]]:
    """The lines, with their first and last row; what was cut through cannot be read."""
    grey, scale = image.convert("L"), image.width / WIDTH
    dark = [level < INK for level in grey.crop((round(40 * scale), 0, round(40 * scale) + 1, grey.height)).tobytes()]
    edges = [row for row, (one, other) in enumerate(pairwise([False, *dark, False])) if one != other]
    found = []
    for top, bottom in zip(edges[::2], edges[1::2], strict=True):
        middle = (top + bottom) // 2
        bits = [grey.getpixel((round((50 + 80 * (bit + 1)) * scale), middle)) < INK for bit in range(BITS)]  # type: ignore[operator]
        number = sum(inked << bit for bit, inked in enumerate(bits))
        found.append((str(number) if bottom - top > 0.9 * LETTER_PX * scale else "~", top, bottom))
    return found


def answer(text: str, found: Any = None) -> httpx2.Response:
    content = [{**({"ocr_result": found} if found else {}), "text": text}]
    choices = [{"finish_reason": "stop", "message": {"content": content, "role": "assistant"}}]
    usage = {"input_tokens": 1000, "output_tokens": 500, "total_tokens": 1500}
    reply = {"output": {"choices": choices}, "usage": usage, "request_id": "r-1"}
    return stream(f"id:1\nevent:result\ndata:{json.dumps(reply)}\n\n".encode(), request_id="r-1")


def in_words(image: Image.Image) -> httpx2.Response:
    return answer("\n".join(text for text, _, _ in lines_on(image)))


def with_places(image: Image.Image) -> httpx2.Response:
    left, right = 20 * image.width // WIDTH, 80 * (BITS + 1) * image.width // WIDTH
    rows = [
        {"text": text, "location": [left, top, right, top, right, bottom, left, bottom]}
        for text, top, bottom in lines_on(image)
    ]
    return answer("", {"words_info": rows})


@dataclass
class Reading(FakeDashScope):
    """A DashScope that reads what it is sent."""

    steps: list[Any] = field(default_factory=list)
    read: Callable[[Image.Image], httpx2.Response] = in_words
    seen: list[Image.Image] = field(default_factory=list)

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        self.seen.append(image_of(self.body))
        return self.read(self.seen[-1])


async def page_of(
    hosted: Hosted, wire: FakeDashScope, folder: Path, content: bytes, **arguments: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The one page, and the whole result."""
    (folder / "a").write_bytes(content)
    said: list[str] = arguments.pop("said", [])
    async with hosted(wire, folders=(folder.resolve(),)) as host:
        result = await host.call_tool("ocr", {"source": str(folder / "a"), **arguments}, progress_callback=told(said))
    assert not result.is_error, text_of(result)
    (page,) = result.structured_content["pages"]
    return page, result.structured_content


# --- what is read ---

EACH = list(range(1, LINES + 1))
IN_PAIRS = [number // 2 + 1 for number in range(LINES)]  # each line stands twice


@cache
def screenshot(*, striped: bool = False) -> bytes:
    return saved(lines_drawn(IN_PAIRS, striped=striped), compress_level=1)


@pytest.mark.parametrize("striped", [False, True], ids=["calm", "striped"])
async def test_a_long_screenshot_is_read_in_tiles_and_no_line_is_lost_or_doubled(
    hosted: Hosted, tmp_path: Path, striped: bool
) -> None:
    wire, said = Reading(), list[str]()
    page, whole = await page_of(hosted, wire, tmp_path, screenshot(striped=striped), said=said)

    assert page["text"].split("\n") == [str(number) for number in IN_PAIRS]
    assert page["status"] == "ok"
    assert [image.width for image in wire.seen] == [WIDTH, WIDTH]  # nothing was shrunk
    rows = sum(image.height for image in wire.seen)
    assert rows == 15_154 if striped else rows == 14_994
    assert whole["cost"]["total"] == "0.003"  # 2 x (1,000 x 0.5/M + 500 x 2/M)
    assert said[0].startswith("1 page in 2 parts, about 16,")
    assert [message.partition(":")[0] for message in said if "so far" in message and "part" in message]


async def test_rows_that_are_all_alike_are_never_dropped(hosted: Hosted, tmp_path: Path) -> None:
    page, _ = await page_of(hosted, Reading(), tmp_path, saved(lines_drawn([7] * LINES, striped=True)))

    assert LINES <= page["text"].split("\n").count("7") <= LINES + 3
    assert page["why"] == "where it was cut its lines are alike, so some may stand twice"


@pytest.mark.parametrize("striped", [False, True], ids=["calm", "striped"])
async def test_places_are_those_of_the_whole_image(hosted: Hosted, tmp_path: Path, striped: bool) -> None:
    wire = Reading(read=with_places)
    page, _ = await page_of(hosted, wire, tmp_path, screenshot(striped=striped), task="advanced_recognition")

    tops = [line["corners"][0][1] for line in page["lines"]]
    assert [line["text"] for line in page["lines"]] == [str(number) for number in IN_PAIRS]
    assert tops == [LINE_PX * row + 7 for row in range(LINES)]
    assert page["lines"][-1]["corners"][2] == [1_040, 14_994 - 7]
    assert page["text"].split("\n") == [str(number) for number in IN_PAIRS]


def page_drawn(numbers: list[int]) -> bytes:
    """The same lines as rectangles on a page whose units are pixels at 200 dots an inch."""
    height = LINE_PX * len(numbers)
    blocks = [
        f"{20 + 80 * bit} {height - LINE_PX * row - 7 - LETTER_PX} {BLOCK_PX} {LETTER_PX} re f"
        for row, number in enumerate(numbers)
        for bit, inked in enumerate([True, *(number >> bit & 1 for bit in range(BITS))])
        if inked
    ]
    page = f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {WIDTH} {height}]/UserUnit 0.36/Contents 4 0 R>>"
    tree = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
    return written(b"<</Type/Catalog/Pages 2 0 R>>", tree, page.encode(), streamed("\n".join(blocks).encode()))


async def test_places_on_a_long_page_are_in_permille_of_the_page(hosted: Hosted, tmp_path: Path) -> None:
    wire = Reading(read=with_places)
    page, _ = await page_of(hosted, wire, tmp_path, page_drawn(EACH), task="advanced_recognition")

    assert [line["text"] for line in page["lines"]] == [str(number) for number in EACH]
    for row, line in enumerate(page["lines"]):
        assert line["unit"] == "permille"
        assert line["corners"][0][1] == pytest.approx((LINE_PX * row + 7) * 1000 / 14_994, abs=0.3)


async def test_what_is_told_in_the_text_in_permille_is_moved_as_well(hosted: Hosted, tmp_path: Path) -> None:
    def places(image: Image.Image) -> httpx2.Response:
        return answer(json.dumps([{"bbox_2d": [0, 500, 1000, 1000], "text": str(image.height)}]))

    wire = Reading(read=places)
    page, _ = await page_of(hosted, wire, tmp_path, screenshot(), task="advanced_recognition")

    first, second = page["lines"]
    assert second["corners"][2] == [WIDTH, 14_994]
    assert second["corners"][0][1] == int(first["text"]) + int(second["text"]) / 2


# --- what is not cut ---


@pytest.mark.parametrize(
    ("arguments", "answered"),
    [({"fields": {"总价": ""}}, '{"总价": "86"}'), ({"task": "table_parsing"}, "<table><tr><td>1</td></tr></table>")],
)
async def test_what_wants_one_answer_is_asked_for_once_and_that_it_was_shrunk_is_said(
    hosted: Hosted, tmp_path: Path, arguments: dict[str, Any], answered: str
) -> None:
    wire, said = Reading(read=lambda _: answer(answered)), list[str]()
    page, _ = await page_of(hosted, wire, tmp_path, screenshot(), said=said, **arguments)

    (image,) = wire.seen
    assert image.height < 14_994
    assert page["status"] == "ok"
    assert page["why"] == "it was shrunk, so small letters may be misread: text_recognition reads it in 2 parts"
    assert said[0].startswith("1 page, about 8,")


COVER = list(range(4_000, 4_010))


def in_frames(*images: Image.Image) -> bytes:
    return saved(images[0], "TIFF", save_all=True, append_images=images[1:])


@pytest.mark.parametrize("long_at", [0, 1])
async def test_each_page_of_a_tiff_is_cut_by_its_own_size(hosted: Hosted, tmp_path: Path, long_at: int) -> None:
    frames = [COVER, COVER]
    frames[long_at] = EACH
    (tmp_path / "a").write_bytes(in_frames(*map(lines_drawn, frames)))
    wire = Reading()
    async with hosted(wire, folders=(tmp_path.resolve(),)) as host:
        result = await host.call_tool("ocr", {"source": str(tmp_path / "a")})

    pages = result.structured_content["pages"]
    assert [page["text"].split("\n") for page in pages] == [[str(number) for number in each] for each in frames]
    assert [image.width for image in wire.seen] == [WIDTH] * 3  # nothing was shrunk


LARGE_PAGE = (2384, 3370)  # A0


@pytest.mark.parametrize(
    ("made", "count"),
    [
        (lambda: saved(lines_drawn(EACH[:240])), 1),  # shrunk to no less than 20 pixels a letter
        (lambda: pdf([["大字"] * 130], size_pt=lambda _: LARGE_PAGE), 2),  # letters of 14 points
        (lambda: pdf([["说明"]]), 1),
    ],
    ids=["short", "large page", "page"],
)
async def test_only_what_would_lose_its_letters_is_cut(
    hosted: Hosted, tmp_path: Path, made: Callable[[], bytes], count: int
) -> None:
    wire = Reading(read=lambda image: answer("西湖"))
    await page_of(hosted, wire, tmp_path, made())

    assert len(wire.requests) == count


# --- what goes wrong ---


async def test_a_tile_that_fails_loses_only_itself(hosted: Hosted, tmp_path: Path) -> None:
    def first_half(image: Image.Image) -> httpx2.Response:
        texts = [text for text, _, _ in lines_on(image)]
        return answer("\n".join(texts)) if texts[0] == "1" else refusal(400, "DataInspectionFailed", "no")

    page, whole = await page_of(hosted, Reading(read=first_half), tmp_path, screenshot())

    assert page["status"] == "truncated"
    assert page["why"].startswith("missing part 2 of 2: ")
    assert page["text"].startswith("1\n1\n2\n2\n")
    assert whole["cost"]["total"] == "0.0015"


async def test_where_no_tile_is_read_it_is_an_error(hosted: Hosted, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(screenshot())
    wire = Reading(read=lambda _: refusal(401, "InvalidApiKey", "no"))
    async with hosted(wire, folders=(tmp_path.resolve(),)) as host:
        result = await host.call_tool("ocr", {"source": str(tmp_path / "a")})

    assert result.is_error
    assert "DASHSCOPE_API_KEY" in text_of(result)


async def test_a_tile_without_ink_is_not_sent(hosted: Hosted, tmp_path: Path) -> None:
    half = lines_drawn(EACH[: LINES // 2], size=(WIDTH, 15_000))
    wire = Reading()
    page, _ = await page_of(hosted, wire, tmp_path, saved(half))

    assert len(wire.requests) == 1
    assert page["text"].split("\n") == [str(number) for number in EACH[: LINES // 2]]
    assert page["status"] == "ok"


# --- beside a prompt ---


def said_by_chat() -> FakeDashScope:
    return FakeDashScope([stream(sse(chunk(content='{"title": "西湖"}'), finish("stop"), usage()), "req-1")])


async def attached(hosted: Hosted, folder: Path, content: bytes, *more: bytes, **arguments: Any) -> tuple[Any, Any]:
    """The parts that were sent before the words, and the notes."""
    wire, files = said_by_chat(), [folder / str(number) for number in range(1 + len(more))]
    for file, each in zip(files, (content, *more), strict=True):
        file.write_bytes(each)
    async with hosted(wire, folders=(folder.resolve(),)) as host:
        tool = "extract" if "json_schema" in arguments else "chat"
        result = await host.call_tool(tool, {"files": [str(file) for file in files], **arguments})
    assert not result.is_error, text_of(result)
    return wire.body["messages"][-1]["content"][:-1], result.structured_content.get("notes", [])


SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}}


@pytest.mark.parametrize("arguments", [{"prompt": "?"}, {"json_schema": SCHEMA}], ids=["chat", "extract"])
async def test_a_long_screenshot_beside_a_prompt_is_several_images_in_reading_order(
    hosted: Hosted, tmp_path: Path, arguments: dict[str, Any]
) -> None:
    (words, *images), notes = await attached(hosted, tmp_path, screenshot(), **arguments)

    assert words == {
        "type": "text",
        "text": "The next 5 images are one, cut into rows from top to bottom; they may overlap.",
    }
    read = [text for image in images for text, _, _ in lines_on(image_of({"messages": [{"content": [image]}]}))]
    assert read == [str(number) for number in IN_PAIRS]
    assert not [note for note in notes if "shrunk" in note]


SHRUNK = "0 was shrunk, so small letters may be misread: read it with `ocr`, or cut it."


@pytest.mark.parametrize(
    ("made", "model"),
    [(screenshot, "qwen3.5-ocr"), (lambda: saved(Image.linear_gradient("L").resize((800, 60_000))), "")],
    ids=["a model that takes one", "more than are sent"],
)
async def test_where_so_many_images_cannot_be_sent_it_is_one_and_a_note_says_so(
    hosted: Hosted, tmp_path: Path, made: Callable[[], bytes], model: str
) -> None:
    images, notes = await attached(hosted, tmp_path, made(), prompt="?", model=model)

    assert [part["type"] for part in images] == ["image_url"]
    assert SHRUNK in notes


async def test_a_long_page_behind_a_short_one_is_several_images_or_a_note_says_so(
    hosted: Hosted, tmp_path: Path
) -> None:
    fax = in_frames(lines_drawn(COVER), lines_drawn(EACH))

    (_, words, *images), notes = await attached(hosted, tmp_path, fax, prompt="?")
    assert words["text"] == "The next 5 images are one, cut into rows from top to bottom; they may overlap."
    assert (len(images), notes) == (5, [])

    _, notes = await attached(hosted, tmp_path, fax, prompt="?", model="qwen3.5-ocr")
    assert notes == [f"Page 2 of {SHRUNK}"]


async def test_tiles_take_no_room_from_pages(hosted: Hosted, tmp_path: Path) -> None:
    """Six drawings of A3 would be twelve images: the last two are shrunk."""
    writer = PdfWriter()
    for _ in range(6):
        writer.append(BytesIO(one_page(b"9 9 500 800 re f", b"/UserUnit 1.415")))
    content = BytesIO()
    writer.write(content)
    images, notes = await attached(hosted, tmp_path, content.getvalue(), json_schema=SCHEMA)

    assert [part["type"] for part in images] == [*["text", "image_url", "image_url"] * 4, *["image_url"] * 2]
    assert [note for note in notes if "shrunk" in note] == [f"Page {number} of {SHRUNK}" for number in (5, 6)]
