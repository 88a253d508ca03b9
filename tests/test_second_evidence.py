"""Evidence of values from images, as a host sees it: the real engine on drawn pages, a DashScope that says what it likes."""

import base64
from random import Random
from typing import Any

import pytest
from bailian_mcp.benchmarks.truth import drawing, money_genres
from bailian_mcp.benchmarks.truth.page import Page, Pairs, Table
from bailian_mcp.server.features.extract.near_readings import NearReadings
from bailian_mcp.server.features.extract.on_pages import ValuePages
from bailian_mcp.server.features.extract.second_look import SeenPage
from bailian_mcp.server.files import LocalReader, NotReadHere, ReadLine
from bailian_mcp.server.files.read_here import ReadHere, local_text
from bailian_mcp.server.files.readings import Column
from conftest import FakeDashScope, Hosted, text_of
from papers import FONT, drawn, pdf, saved, scan, turned
from PIL import Image, ImageFont
from test_extract import said

pytestmark = pytest.mark.anyio
ONLY_THE_MODEL = "only the model read it: look at the page"
INVOICE = ("Invoice 2024-03-05", "12,345.67 square metres", "86 / 36 in Hangzhou")
WIDE, WIDE_PT = (600, 400), (216, 144)  # 200 dots an inch
Box = tuple[float, ...]


@pytest.fixture
def era() -> str:
    """What is read here does not depend on how a host is spoken to."""
    return "2026-07-28"


async def extracted(
    hosted: Hosted, reader: LocalReader, answer: Any, *contents: bytes, shared: Any = None, **arguments: Any
) -> dict[str, Any]:
    """The result where the model reads that in the images, and `said`, its text."""
    files = [f"data:image/png;base64,{base64.b64encode(content).decode()}" for content in contents]
    given = {"json_schema": {"type": "object"}, "files": files, **arguments}
    context = {"local_reader": reader, "second_reader": True, "second_reader_wait_s": 60, **(shared or {})}
    async with hosted(FakeDashScope([said(answer)]), **context) as host:
        result = await host.call_tool("extract", given)
    assert not result.is_error, text_of(result)
    return {**result.structured_content, "said": text_of(result)}


def by_pointer(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["pointer"]: each for each in result["evidence"]}


# --- through the tool ---


async def test_each_value_of_an_image_has_its_box_and_both_readings(hosted: Hosted, reader: LocalReader) -> None:
    answer = {"date": "2024-03-05", "area": 12345.67, "city": "Hangzhou", "paid": None}
    result = await extracted(hosted, reader, answer, saved(drawn(*INVOICE, size=WIDE)), evidence="all")

    found = by_pointer(result)
    assert {name: each["found"] for name, each in found.items()} == {
        "/date": True, "/area": True, "/city": True, "/paid": None,
    }  # fmt: skip
    assert found["/area"]["read_here"] == "12,345.67"
    assert (found["/area"]["source"], found["/area"]["unit"], "page" in found["/area"]) == ("files[0]", "px", False)
    left, top, right, bottom = found["/area"]["box"]
    assert 20 <= left <= 34 < 150 < right < 190
    assert 76 <= top < bottom <= 124
    assert f'/area: "12,345.67" @{left:g},{top:g},{right:g},{bottom:g} px of files[0]' in result["said"]
    assert not any("there is no evidence" in note for note in result["notes"])


async def test_what_only_the_model_read_is_said_and_stays_valid(hosted: Hosted, reader: LocalReader) -> None:
    answer = {"area": 12845.67, "city": "Hangzhou", "ship": "Titanic"}
    result = await extracted(hosted, reader, answer, saved(drawn(*INVOICE, size=WIDE)))

    found = by_pointer(result)
    assert result["valid"]
    assert {name: each["found"] for name, each in found.items()} == {"/area": False, "/city": True, "/ship": False}
    assert (found["/ship"]["why"], found["/area"]["why"]) == (ONLY_THE_MODEL, ONLY_THE_MODEL)
    assert found["/area"]["read_here"] == "12,345.67"  # both readings, where they differ
    told = result["said"].splitlines()
    assert f"/ship: NOT FOUND in the sources ({ONLY_THE_MODEL})" in told
    assert any(line.startswith("/area: NOT FOUND") and '; read here: "12,345.67" @' in line for line in told)
    assert not any(line.startswith("/city") for line in told)


async def test_it_is_said_in_chinese(hosted: Hosted, reader: LocalReader) -> None:
    schema = {"type": "object", "properties": {"船": {"type": "string"}}}
    context = {"language": "zh", "local_reader": reader, "second_reader": True, "second_reader_wait_s": 60}
    file = f"data:image/png;base64,{base64.b64encode(saved(drawn(*INVOICE, size=WIDE))).decode()}"
    async with hosted(FakeDashScope([said({"船": "Titanic"})]), **context) as host:
        result = await super(type(host), host).call_tool("extract", {"json_schema": schema, "files": [file]})

    assert "/船: 在来源中未找到 (只有模型读到：请查看该页)" in text_of(result).splitlines()


async def test_a_page_of_a_scan_and_a_photo_held_sideways_are_told_as_people_see_them(
    hosted: Hosted, reader: LocalReader
) -> None:
    page = drawn(*INVOICE, size=WIDE)
    paper, photo = (
        f"data:{kind};base64,{base64.b64encode(content).decode()}"
        for kind, content in (
            ("application/pdf", scan([drawn("86", size=WIDE), page], size_pt=WIDE_PT)),
            ("image/jpeg", turned(page, 6)),
        )
    )

    first = await extracted(hosted, reader, {"area": 12345.67}, files=[paper])
    second = await extracted(hosted, reader, {"area": 12345.67}, files=[photo])

    (on_paper,), (on_photo,) = first["evidence"], second["evidence"]
    assert (on_paper["page"], on_paper["unit"], on_photo["unit"]) == (2, "permille", "px")
    ink = ImageFont.truetype(FONT, 32).getbbox("12,345.67")
    true = (30 + ink[0], 80 + ink[1], 30 + ink[2], 80 + ink[3])
    share = (1000 / WIDE[0], 1000 / WIDE[1]) * 2
    assert overlap(on_photo["box"], true) >= 0.6
    assert overlap(on_paper["box"], tuple(side * each for side, each in zip(true, share, strict=True))) >= 0.6


async def test_a_value_of_a_text_keeps_its_quote(hosted: Hosted, reader: LocalReader) -> None:
    answer = {"city": "Hangzhou", "lake": "西湖"}
    result = await extracted(hosted, reader, answer, saved(drawn(*INVOICE, size=WIDE)), text="西湖")

    found = by_pointer(result)
    assert found["/lake"] == {
        "pointer": "/lake", "found": True, "quote": "西湖", "start": 0, "end": 2, "source": "text", "places": 1,
    }  # fmt: skip
    assert found["/city"]["source"] == "files[0]"
    assert found["/city"]["quote"] is None


@pytest.mark.parametrize("error", [NotReadHere("it takes too long or too much memory"), OSError("no process")])
async def test_where_a_page_was_not_read_nothing_is_doubted(hosted: Hosted, error: Exception) -> None:
    class Slow(LocalReader):
        is_installed = True

        async def lines(self, content: bytes) -> tuple[ReadLine, ...]:
            raise error

    shared = {"second_reader_wait_s": 0}
    result = await extracted(hosted, Slow(), {"ship": "Titanic"}, saved(drawn(*INVOICE, size=WIDE)), shared=shared)

    (one,) = result["evidence"]
    assert (one["found"], one["why"]) == (None, "not all pages were read here")
    assert any(note.startswith("files[0] was not read on this machine: ") for note in result["notes"])
    assert "NOT FOUND" not in result["said"]


@pytest.mark.parametrize("shared", [{"second_reader": False}, {"sandboxed": True}])
async def test_without_the_second_reader_all_is_as_before(hosted: Hosted, shared: dict[str, bool]) -> None:
    class Never(LocalReader):
        is_installed = True

        async def lines(self, content: bytes) -> tuple[ReadLine, ...]:
            raise AssertionError

    result = await extracted(hosted, Never(), {"ship": "Titanic"}, saved(drawn(*INVOICE, size=WIDE)), shared=shared)

    assert result["evidence"] == []
    assert any("there is no evidence" in note for note in result["notes"])


async def test_a_refusal_is_the_same_with_a_second_reader(hosted: Hosted, reader: LocalReader) -> None:
    """A group of tasks wraps what it raises."""
    blank = f"data:application/pdf;base64,{base64.b64encode(pdf([[]])).decode()}"
    async with hosted(FakeDashScope([said({})]), local_reader=reader, second_reader=True) as host:
        result = await host.call_tool("extract", {"json_schema": {"type": "object"}, "files": [blank]})

    assert "There is nothing to extract from" in text_of(result)


# --- where a value is looked for ---


def line_of(
    text: str, held_possible: dict[int, tuple[str, float]] | None = None, at: tuple[float, float] = (0, 0)
) -> ReadLine:
    """A line whose recogniser saw these letters, 20 px each, and others in some places with these shares."""
    columns = []
    for number, letter in enumerate(text):
        other, share = (held_possible or {}).get(number, ("", 0.001))
        columns.append(Column(2 * number, ((letter, 1 - share), (other, share))))
    left, top, right, bottom = at[0], at[1], at[0] + 20.0 * len(text), at[1] + 30
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return ReadLine(corners, tuple(columns), 2.0 * len(text))


def pages(*lines: ReadLine) -> ValuePages:
    return ValuePages([SeenPage("files[0]", None, ReadHere(lines))])


def test_the_same_number_is_told_in_the_row_of_its_item() -> None:
    rows = [("Item", "Qty", "Price"), ("Bolt", "36", "12.30"), ("Valve", "36", "45.67"), ("Relay", "36", "86.00")]
    lines = [line_of(cell, at=(300 * x, 60 * y)) for y, row in enumerate(rows) for x, cell in enumerate(row)]
    values = [(f"/{row}/{at}", cell) for row, cells in enumerate(rows[1:]) for at, cell in enumerate(cells)]

    told = dict(zip(dict(values), pages(*lines).look_up(values), strict=True))

    for row in range(3):
        left, top, right, bottom = told[f"/{row}/1"].box or ()
        assert 300 <= left < right <= 340
        assert 60 * (row + 1) <= top < bottom <= 60 * (row + 1) + 30
        assert told[f"/{row}/1"].places == 3


def test_a_value_over_two_lines_of_a_cell_is_one() -> None:
    lines = [line_of("The West Lake is in"), line_of("86", at=(900, 0)), line_of("Hangzhou, square", at=(0, 50))]

    told, other = pages(*lines).look_up([("/a", "West Lake is in Hangzhou"), ("/b", "West Lake is in square")])

    assert (told.found, told.read_here, other.found) == (True, "West Lake is in Hangzhou", False)
    assert told.box == pytest.approx((0, 0, 380, 80), abs=10)


@pytest.mark.parametrize(
    ("value", "share", "found"),
    [("KX-71803", 0.2, True), ("KX-71803", 0.0011, False), ("KX-7180", 0.2, False), ("X-71803", 0.2, False)],
)
def test_a_letter_that_was_held_possible_may_be_meant(value: str, share: float, found: bool) -> None:
    line = line_of("No. KX-71603 of 5", {9: ("8", share)})
    (told,) = pages(line).look_up([("/code", value)])

    assert told.found is found
    if found:
        assert told.read_here == "KX-71603"


def test_the_blanks_of_an_account_may_be_lost() -> None:
    (told,) = pages(line_of("Bank: ICBC6222118694834969")).look_up([("/account", "ICBC 6222 1186 9483 4969")])

    assert told.found


def test_a_number_with_its_sign_is_no_number_without_it() -> None:
    values = pages(line_of("Total 512.30 and -77.10"))

    assert [one.found for one in values.look_up([("/a", -512.3), ("/b", 77.1), ("/c", 512.3), ("/d", -77.1)])] == [
        False, False, True, True,
    ]  # fmt: skip


def test_of_a_script_that_is_not_read_here_nothing_is_said() -> None:
    (told,) = pages(line_of("MockBa")).look_up([("/city", "Москва")])

    assert (told.found, told.why) == (None, "it was not read here surely")


def test_a_long_page_of_the_same_letters_takes_no_time() -> None:
    lines = tuple(line_of("10" * 40, at=(0, 40.0 * number)) for number in range(200))

    assert NearReadings(local_text(lines)).best("1" * 100) is None


# --- how well the boxes fit ---


class Pen:
    """Keeps what is written: where, and in which font."""

    def __init__(self, pen: Any) -> None:
        self.pen = pen
        self.written: list[tuple[tuple[float, float], str, ImageFont.FreeTypeFont]] = []

    def text(self, at: tuple[float, float], text: str, font: ImageFont.FreeTypeFont, fill: str) -> None:
        self.pen.text(at, text, font=font, fill=fill)
        self.written.append((at, text, font))

    def rectangle(self, *place: Any, **style: Any) -> None:
        self.pen.rectangle(*place, **style)


class KeptSheet(drawing.Sheet):
    """Keeps the lines that each text was written in."""

    def __init__(self, language: str) -> None:
        super().__init__(language)
        self.kept: Any = Pen(self.pen)
        self.pen = self.kept
        self.texts: list[tuple[str, list[Any]]] = []

    def text(self, text: str, *place: Any, **style: Any) -> None:
        before = len(self.kept.written)
        super().text(text, *place, **style)
        self.texts.append((text, self.kept.written[before:]))


def invoice(page: Page) -> tuple[Image.Image, dict[str, str], dict[str, Box]]:
    """As a picture; its values, each on one line, and the true boxes of their ink, by pointer."""
    sheet, values, boxes = KeptSheet(page.language), dict[str, str](), dict[str, Box]()
    for number, block in enumerate(page.blocks):
        first = len(sheet.texts)
        drawing.draw_block(sheet, block, ruled=number % 2 == 0)
        for pointer, value, (_, lines) in _values(number, block, sheet.texts[first:]):
            if len(lines) == 1:
                values[pointer], boxes[pointer] = value, _ink(value, *lines[0])
        sheet.y += 14
    return sheet.image.crop((0, 0, drawing.WIDTH, sheet.y + drawing.MARGIN)), values, boxes


def _values(number: int, block: Any, texts: list[Any]) -> list[tuple[str, str, Any]]:
    if isinstance(block, Pairs):
        said = [drawing.plain(value) for _, value in block.pairs]
        return [(f"/{number}/{at}", value, text) for at, (value, text) in enumerate(zip(said, texts, strict=True))]
    if not isinstance(block, Table):
        return []
    wide = len(block.head)
    return [(f"/{number}/{at // wide}/{at % wide}", text[0], text) for at, text in enumerate(texts) if at >= wide]


def _ink(value: str, at: tuple[float, float], line: str, font: ImageFont.FreeTypeFont) -> Box:
    first = line.rindex(value)
    left, top, right, bottom = font.getbbox(value)
    x, y = at[0] + font.getlength(line[:first]), at[1]
    return x + left, y + top, x + right, y + bottom


def overlap(one: Box, other: Box) -> float:
    """The share of both that they have in common."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0.0, across) * max(0.0, down)
    return common / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - common)


@pytest.mark.parametrize("genre", [money_genres.vat_invoice, money_genres.us_invoice], ids=["Chinese", "English"])
async def test_the_boxes_of_an_invoice_fit_their_values(reader: LocalReader, genre: Any) -> None:
    image, values, boxes = invoice(genre(Random(7)))
    lines = await reader.lines(saved(image))

    told = pages(*lines).look_up([*values.items()])

    fits = [overlap(one.box or (0, 0, 0, 0), boxes[at]) >= 0.5 for at, one in zip(values, told, strict=True)]
    assert len(values) > 20
    assert [one.found for one in told] == [True] * len(values)
    assert sum(fits) >= 0.95 * len(fits)
