"""A picture to look at: the page that `bailian-mcp ocr FILE --html OUT` writes, and the command itself."""

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from anyio import to_thread
from bailian_mcp.server import sandbox
from bailian_mcp.server.__main__ import main
from bailian_mcp.server.calls.language import language_of
from bailian_mcp.server.features.ocr.page import Page
from bailian_mcp.server.features.ocr.second_reader import SecondOpinion
from bailian_mcp.server.features.ocr.second_reader.opinion import ReadDifference
from bailian_mcp.server.features.ocr.view import (
    SeenPicture,
    ViewedDifference,
    ViewedLine,
    ViewedPage,
    view,
    viewed_pages,
)
from bailian_mcp.server.features.ocr.view.wording import WORDING
from bailian_mcp.server.files import LocalReader, open_input
from conftest import children
from papers import A6_PT, drawn, pdf, saved, turned
from PIL import Image, ImageChops

pytestmark = pytest.mark.anyio
SIZE = (600, 800)
EVIL = "<script>alert(1)</script><img src=https://evil.example/x onerror=a()>\"'&"
DIFFERS, LINE, YELLOW_ON_PAPER = (185, 28, 28), (29, 78, 216), (112, 202, 75)


def box(left: float, top: float, right: float, bottom: float) -> tuple[tuple[float, float], ...]:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def picture(size: tuple[int, int] = SIZE) -> SeenPicture:
    return SeenPicture(saved(Image.new("RGB", size, "white")), "image/png", *size)


LINES = (ViewedLine("Total 172.00 CNY", box(50, 100, 400, 150)), ViewedLine("Paid", box(50, 300, 200, 350)))
TOTAL = ViewedDifference("172.00", "177.00", box(150, 100, 300, 150))
PAGE = ViewedPage(1, "disagrees", "look at the page", "Total 177.00 CNY\nPaid", picture(), LINES, (TOTAL,), numbers=0.5)


class Dom(HTMLParser):
    """The elements of a page, by the browser's own rules for attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def ids_like(page: str, pattern: str) -> list[str]:
    return [id for id in Dom(page).ids if re.fullmatch(pattern, id)]


# --- what was read stays text ---


@pytest.mark.parametrize(
    "page",
    [
        replace(PAGE, text=EVIL),
        replace(PAGE, why=EVIL),
        replace(PAGE, why=EVIL, differences=()),
        replace(PAGE, lines=(ViewedLine(EVIL, LINES[0].corners),)),
        replace(PAGE, differences=(replace(TOTAL, here=EVIL, answer=EVIL),), text=f"a {EVIL} b"),
        replace(PAGE, not_compared=EVIL, differences=()),
        replace(PAGE, status=EVIL),
    ],
    ids=["answer", "doubt", "doubt alone", "line", "difference", "why not compared", "status"],
)
def test_markup_in_what_was_read_stays_text(page: ViewedPage) -> None:
    shown = view(EVIL, [page], "en")

    clean = Dom(view("x", [replace(PAGE, differences=page.differences, why=page.why, lines=page.lines)], "en"))
    assert Dom(shown).of("script") == []
    assert [image["src"][:22] for image in Dom(shown).of("img")] == ["data:image/png;base64,"]
    assert {name for _, attributes in Dom(shown).elements for name in attributes} <= {
        name for _, attributes in clean.elements for name in attributes
    } | {"class", "id"}
    assert EVIL in Dom(shown).text


def test_what_hides_or_reorders_text_is_left_out() -> None:
    shown = view("a\u202eb\ud800", [replace(PAGE, text="12\u200b3\u2066\x00")], "en")

    assert "ab" in Dom(shown).text
    assert "123" in Dom(shown).text
    assert shown.encode()


def test_a_dollar_in_what_was_read_is_no_gap_of_the_template() -> None:
    assert "$lang ${title} $9.99" in Dom(view("x", [replace(PAGE, text="$lang ${title} $9.99")], "en")).text


def test_the_file_refers_to_nothing_outside_and_runs_nothing() -> None:
    shown = view("receipt.pdf", [PAGE, replace(PAGE, number=2)], "en")

    (policy,) = [m["content"] for m in Dom(shown).of("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    references = [v for _, a in Dom(shown).elements for n, v in a.items() if n in ("href", "src", "action", "srcset")]
    assert {reference[0] if reference[0] == "#" else reference[:5] for reference in references} == {"#", "data:"}
    assert not re.search(r"url\(|@import|\sstyle=|\son\w+=|<script", shown)


# --- how it is found and reached ---


def test_every_difference_has_a_box_and_an_item_that_lead_to_each_other() -> None:
    differences = tuple(ViewedDifference(str(n), str(n + 1), box(n, n, n + 40, n + 20)) for n in range(100, 112))
    shown = view("x", [replace(PAGE, differences=differences), replace(PAGE, number=2)], "en")

    assert len(ids_like(shown, r"p1-d\d+")) == len(ids_like(shown, r"p1-i\d+")) == 12
    assert ids_like(shown, r"p2-[di]\d+") == ["p2-d1", "p2-i1"]
    links = {a["href"] for a in Dom(shown).of("a")}
    assert {f"#p1-{kind}{n}" for kind in "di" for n in range(1, 13)} <= links
    assert {link[1:] for link in links} <= set(Dom(shown).ids)
    assert max(Counter(Dom(shown).ids).values()) == 1


def test_a_box_has_the_corners_of_its_place_in_pixels_of_the_picture() -> None:
    polygons = Dom(view("x", [PAGE], "en")).of("polygon")

    assert "150.0,100.0 300.0,100.0 300.0,150.0 150.0,150.0" in {each["points"] for each in polygons}
    assert [each["viewbox"] for each in Dom(view("x", [PAGE], "en")).of("svg")][-1] == "0 0 600 800"


def test_only_the_words_are_reached_by_the_tab_key() -> None:
    links = Dom(view("x", [PAGE], "en")).of("a")

    assert [link["href"] for link in links if link.get("tabindex") != "-1"] == [
        "#pages", "#p1", "#p1-d1", "#p1-l1", "#p1-l2",
    ]  # fmt: skip


def test_a_difference_without_a_place_leads_to_its_words_and_says_so() -> None:
    found = (ViewedDifference("", "177.00"), ViewedDifference("", "not there"))
    shown = view("x", [replace(PAGE, differences=found)], "en")

    assert ids_like(shown, r"p1-d\d+") == []
    assert {"#p1-a1", "#p1-i2"} <= {a["href"] for a in Dom(shown).of("a")}
    assert Dom(shown).text.count(WORDING["en"]["no_place"]) == 2


def test_what_differs_is_marked_in_the_words_of_both() -> None:
    shown = view("x", [PAGE], "en")

    assert 'Total <mark id="p1-a1">177.00<sup>1</sup></mark> CNY' in shown
    assert "Total <mark>172.00<sup>1</sup></mark> CNY" in shown


def test_of_words_that_come_twice_those_are_marked_that_stand_as_far_down() -> None:
    low = replace(TOTAL, here="5", answer="8", corners=box(50, 700, 90, 750))
    shown = view("x", [replace(PAGE, text="8 18 8.5 one\ntwo\nthree\n8 end", differences=(low,))], "en")

    assert 'three\n<mark id="p1-a1">8<sup>1</sup></mark> end' in shown


def test_of_numbers_of_a_line_that_read_alike_the_one_at_the_box_is_marked() -> None:
    row = ViewedLine("tea 1 x 25.50 25.50", box(50, 300, 450, 340))
    last = replace(TOTAL, here="25.50", answer="26.50", corners=box(350, 300, 450, 340))
    first = replace(last, corners=box(200, 300, 300, 340))
    for difference, marked in ((last, "25.50 <mark>25.50<"), (first, "<mark>25.50<sup>1</sup></mark> 25.50<")):
        assert f"tea 1 x {marked}" in view("x", [replace(PAGE, lines=(row,), differences=(difference,))], "en")


def test_a_number_that_stands_everywhere_takes_no_time() -> None:
    """Each of fifty differences asked every place about every mark before it: that took a quarter of a minute."""
    ones = tuple(replace(TOTAL, here="1", answer="1") for _ in range(50))
    before = process_time()
    shown = view("x", [replace(PAGE, text="1 " * 30_000, differences=ones)], "en")

    assert shown.count("<mark id=") == 50
    assert process_time() - before < 5


def test_who_answered_stands_at_the_head_of_the_page() -> None:
    shown = view("x", [PAGE], "en", f"[SANDBOX | qwen3.5-ocr | {EVIL}]")

    assert f"[SANDBOX | qwen3.5-ocr | {EVIL}]" in Dom(shown).text
    assert 'class="facts"' not in view("x", [PAGE], "en")


def test_it_is_a_document_with_headings_a_language_and_an_alternative_to_its_picture() -> None:
    dom = Dom(view("receipt.pdf", [PAGE], "en"))

    assert dom.of("html") == [{"lang": "en"}]
    assert [tag for tag, _ in dom.elements if re.fullmatch("h[1-6]", tag)] == ["h1", "h2", "h2", "h2", "h3", "h3", "h3"]
    assert [image["alt"] for image in dom.of("img")] == ["Page 1 as a picture; its text stands beside it"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_that_is_ours_is_in_one_language(language: Any) -> None:
    pages = [PAGE, replace(PAGE, number=2, differences=()), replace(PAGE, number=0, picture=None, status="failed")]
    said = Dom(view("a", [replace(page, text="", lines=(), why="") for page in pages], language)).text
    body = said[said.rindex("}") + 1 :]

    assert set(WORDING["en"]) == set(WORDING["zh"])
    assert bool(re.search("[\u4e00-\u9fff]", body)) == (language == "zh")
    assert bool(re.search("[a-z]{3,}", body)) == (language == "en")


# --- pages of which there is less ---


def test_a_page_on_which_both_agree_says_so() -> None:
    text = Dom(view("x", [replace(PAGE, status="ok", differences=(), why="", numbers=1.0)], "en")).text

    assert WORDING["en"]["same"] in text
    assert "no differences" in text


def test_a_page_that_nobody_compared_does_not_pass_for_one_without_differences() -> None:
    text = Dom(view("x", [replace(PAGE, status="ok", differences=(), why="", not_compared="not in time")], "en")).text

    assert "The two readers were not compared: not in time." in text
    assert WORDING["en"]["same"] not in text


def test_a_page_without_a_picture_shows_the_words_alone() -> None:
    dom = Dom(view("x", [replace(PAGE, picture=None)], "en"))

    assert dom.of("img") == dom.of("polygon") == []
    assert {link["href"][1:] for link in dom.of("a")} <= set(dom.ids)
    assert "Total 177.001 CNY" in dom.text


def test_a_difference_of_a_file_without_pages_has_no_box() -> None:
    assert "p0-d1" not in view("x", [replace(PAGE, number=0, picture=None)], "zh")


# --- gathered from a file ---


def told(*differences: ReadDifference, number: int = 1) -> Page:
    return Page(page=number, status="disagrees", text="x", second_reader=SecondOpinion(differences=differences))


async def gathered(reader: LocalReader, content: bytes, page: Page, folder: Path) -> ViewedPage:
    (file := folder.resolve() / "file").write_bytes(content)
    async with open_input(str(file), (folder.resolve(),)) as found:
        (viewed,) = await viewed_pages([page], found, reader)
    return viewed


class Missing(LocalReader):
    is_installed = False


async def test_places_told_in_permille_and_in_pixels_are_those_of_the_picture(tmp_path: Path) -> None:
    in_permille = ReadDifference(here="1", answer="2", corners=box(100, 100, 500, 200), unit="permille")
    in_pixels = in_permille.model_copy(update={"unit": "px", "corners": box(600, 600, 3000, 1200)})
    paper = await gathered(Missing(), pdf([("西湖",)]), told(in_permille), tmp_path)
    photo = await gathered(Missing(), saved(Image.new("L", (6000, 3000), 250), "JPEG"), told(in_pixels), tmp_path)

    assert paper.picture
    assert paper.differences[0].corners[0] == (paper.picture.width / 10, paper.picture.height / 10)
    assert photo.picture
    assert photo.picture.width < 3000
    assert photo.differences[0].corners[2] == pytest.approx((photo.picture.width / 2, photo.picture.height * 0.4))


async def test_a_picture_is_of_a_kind_that_browsers_show_upright_with_its_lines(
    tmp_path: Path, reader: LocalReader
) -> None:
    image = drawn("Total 172.00", size=(500, 300))
    for content in (saved(image, "TIFF"), turned(image, 6)):
        viewed = await gathered(reader, content, told(), tmp_path)

        assert viewed.picture
        assert viewed.picture.mime in ("image/png", "image/jpeg")
        assert Image.open(BytesIO(viewed.picture.content)).size == (500, 300)
        (line,) = viewed.lines
        assert line.text.replace(" ", "") == "Total172.00"
        assert all(0 <= x <= 500 and 0 <= y <= 300 for x, y in line.corners)


async def test_pages_beyond_what_a_browser_takes_have_their_words_alone(tmp_path: Path) -> None:
    (file := tmp_path.resolve() / "two.pdf").write_bytes(pdf([("甲",), ("乙",)]))
    pages = [Page(page=number, status="ok", text=f"page {number}") for number in (1, 2)]
    async with open_input(str(file), (file.parent,)) as found:
        first, second = await viewed_pages(pages, found, Missing(), max_bytes=1)

    assert first.picture
    assert (second.picture, second.text) == (None, "page 2")


async def test_a_page_that_cannot_be_drawn_has_no_picture(tmp_path: Path) -> None:
    difference = ReadDifference(here="1", answer="2", corners=box(1, 2, 3, 4), unit="px")
    viewed = await gathered(LocalReader(), saved(drawn("x"))[:2000], told(difference), tmp_path)

    assert viewed.picture is None
    assert viewed.differences[0].corners == ()


async def test_why_a_page_is_doubted_is_said_in_the_language_of_the_call(reader: LocalReader) -> None:
    with language_of("zh", {}):
        (viewed,) = await viewed_pages([Page(page=1, status="ok")], None, reader)

    assert viewed.not_compared == "只有一个读者作答"


# --- the command ---


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    async def command(*arguments: str) -> tuple[int, str, str]:
        status = await to_thread.run_sync(main, ["ocr", *map(str, arguments)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return command


@pytest.fixture
def dashscope(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A DashScope that reads nothing: whatever is on a page, it says something else."""
    with sandbox.running() as url:
        monkeypatch.setenv("DASHSCOPE_BASE_URL", url)
        monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-planted-0123456789")
        monkeypatch.setenv("BAILIAN_SECOND_READER", "true")
        yield


@pytest.fixture
def receipt(tmp_path: Path) -> Path:
    (file := tmp_path / "receipt <1>.png").write_bytes(saved(drawn("Total amount 172.00 CNY", size=(600, 400))))
    return file


@pytest.mark.usefixtures("dashscope", "local_extra")
async def test_a_file_is_read_and_a_page_written_on_which_each_difference_has_its_place(
    run: Any, receipt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (allowed := tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("BAILIAN_ALLOWED_DIRS", str(allowed))
    status, said, also = await run(receipt, "--html", tmp_path / "out.html")

    dom = Dom((tmp_path / "out.html").read_text("utf-8"))
    assert (status, "172.00 here" in said) == (0, True)
    assert f"Written: {tmp_path / 'out.html'}." in also
    assert {"p1-d1", "p1-i1", "p1-l1"} <= set(dom.ids)
    assert "receipt <1>.png" in dom.text
    assert "这是沙箱的回答" in dom.text


@pytest.mark.usefixtures("local_extra")
async def test_with_the_sandbox_nothing_is_compared(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAILIAN_SECOND_READER", "true")
    before = set(children(os.getpid()))
    (file := tmp_path / "two.pdf").write_bytes(pdf([("甲",), ("一种芯片散热装置",)], size_pt=lambda _: A6_PT))
    status, said, _ = await run(file, "--pages", "2", "--sandbox", "--html", tmp_path / "o.html")

    text = Dom((tmp_path / "o.html").read_text("utf-8")).text
    assert (status, said.startswith("[SANDBOX | ")) == (0, True)
    assert said.partition("\n")[0] in text
    assert "The two readers were not compared: only one reader answered." in text
    assert ("Page 2" in text, "Page 1" in text) == (True, False)
    assert "一种芯片散热装置" in text
    assert set(children(os.getpid())) <= before  # the sandbox's own reader has ended with it


@pytest.mark.parametrize(
    ("prepare", "arguments", "said"),
    [
        (lambda out: out.write_text("mine"), ["receipt <1>.png"], "is there already, and no file is overwritten."),
        (lambda out: out.symlink_to("nowhere"), ["receipt <1>.png"], "is there already, and no file is overwritten."),
        (lambda out: None, ["nothing.png"], "nothing.png is no file that is there. Check the path."),
        (lambda out: None, ["."], "is no file that is there."),
        (lambda out: None, ["receipt <1>.png", "--html", "no such/out.html"], "There is no folder "),
        (lambda out: None, ["receipt <1>.png", "--html", "out.txt"], "out.txt does not end in .html or .htm."),
    ],
    ids=["file there", "link there", "no file", "folder", "no folder", "no page"],
)
@pytest.mark.usefixtures("receipt")
async def test_what_cannot_be_done_is_said_before_anything_is_sent(
    run: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[Path], Any],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(out := tmp_path / "out.html")
    before = out.read_text() if out.is_file() else None
    status, told, why = await run("--html", "out.html", "--sandbox", *arguments)

    assert (status, told) == (2, "")
    assert said in why
    assert why.endswith("Nothing was read.\n")
    assert (out.read_text() if out.is_file() else None) == before


async def test_folders_that_cannot_be_read_from_the_environment_do_not_matter(
    run: Any, receipt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file was named by whoever sits here."""
    monkeypatch.setenv("BAILIAN_ALLOWED_DIRS", "~nobody-of-that-name/x")

    assert (await run(receipt, "--sandbox"))[0] == 0


async def test_what_keeps_it_from_being_read_is_said(run: Any, receipt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAILIAN_SECOND_READER", "false")
    status, said, why = await run(receipt)

    assert (status, said) == (1, "")
    assert "No DashScope API key is set" in why


@pytest.mark.usefixtures("dashscope")
async def test_where_no_page_was_read_it_says_so_by_its_status(run: Any, receipt: Path, tmp_path: Path) -> None:
    broken = receipt.with_name("broken.png")
    broken.write_bytes(receipt.read_bytes()[:900])
    status, said, why = await run(broken, "--html", tmp_path / "out.html")

    assert (status, said) == (1, "")
    assert "broken.png" in why
    assert not (tmp_path / "out.html").exists()


async def test_a_url_has_no_picture(run: Any, tmp_path: Path) -> None:
    status, _, _ = await run("https://example.com/a.png", "--sandbox", "--html", tmp_path / "out.html")

    assert status == 0
    assert WORDING["en"]["no_picture"] in Dom((tmp_path / "out.html").read_text("utf-8")).text


@pytest.mark.parametrize("name", [f"{'x' * 300}.html", "no/folder/a.html"])
async def test_a_page_that_cannot_be_written_is_refused_before_anything_is_read(
    run: Any, tmp_path: Path, name: str
) -> None:
    status, said, why = await run("https://example.com/a.png", "--sandbox", "--html", tmp_path / name)

    assert (status, said) == (2, "")
    assert why.endswith("Nothing was read.\n")


@pytest.mark.parametrize("file", ["~nosuchuser/x.png", "x" * 300])
async def test_a_path_that_leads_nowhere_is_refused(run: Any, file: str) -> None:
    status, said, why = await run(file)

    assert (status, said) == (2, "")
    assert why.endswith("Nothing was read.\n")


# --- in a browser ---

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip
WINDOW = (1200, 1600)
SCHEMES = {"light": (1, (246, 245, 242)), "dark": (0, (22, 22, 20))}  # Chromium's number of it, and the ground then


def browse(folder: Path, url: str, *arguments: str) -> str:
    assert BROWSER
    size = ",".join(map(str, WINDOW))
    command = [BROWSER, *QUIET, f"--user-data-dir={folder / 'profile'}", f"--window-size={size}", *arguments, url]
    return subprocess.run(command, check=True, capture_output=True, timeout=90).stdout.decode()


def screenshot(folder: Path, url: str, scheme: int) -> Image.Image:
    browse(folder, url, f"--screenshot={folder / 'shot.png'}", f"--blink-settings=preferredColorScheme={scheme}")
    return Image.open(BytesIO((folder / "shot.png").read_bytes())).convert("RGB")


def place_of(shot: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what has that very colour."""
    apart = ImageChops.difference(shot, Image.new("RGB", shot.size, colour)).convert("L")
    found = apart.point(lambda value: 255 * (value < 2)).getbbox()
    assert found
    return found


def near(shot: Image.Image, colour: tuple[int, int, int], at: tuple[float, float], reach: int) -> bool:
    """Whether a pixel of about that colour is so near."""
    x, y = map(round, at)
    pixels = shot.crop((x - reach, y - reach, x + reach + 1, y + reach + 1)).tobytes()
    triples = zip(pixels[::3], pixels[1::3], pixels[2::3], strict=True)
    return any(max(abs(a - b) for a, b in zip(one, colour, strict=True)) < 60 for one in triples)


PAPER = (0, 200, 120)  # a colour that nothing else has: by it the picture is found
ON_PAPER = replace(
    PAGE,
    picture=SeenPicture(saved(Image.new("RGB", (400, 500), PAPER)), "image/png", 400, 500),
    lines=(replace(LINES[0], corners=box(40, 200, 360, 240)), replace(LINES[1], corners=box(40, 400, 360, 440))),
    differences=(replace(TOTAL, corners=box(100, 200, 200, 240)),),
)
in_a_browser = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium here: install chromium, and the page is looked at in a real browser"
)


@in_a_browser
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_browser_draws_the_boxes_where_they_belong_by_day_and_by_night(scheme: str, tmp_path: Path) -> None:
    number, ground = SCHEMES[scheme]
    (file := tmp_path / "a.html").write_text(view("a", [ON_PAPER], "en"), "utf-8")

    shot = screenshot(tmp_path, file.as_uri(), number)
    left, top, right, bottom = place_of(shot, PAPER)

    assert (right - left, bottom - top) == (400, 500)
    assert near(shot, ground, (5, 5), 2)
    for x, y in ((150, 200), (150, 240), (100, 220), (200, 220)):  # in the middle of each side, which is dashed
        assert near(shot, DIFFERS, (left + x, top + y), 6), (x, y)
    for x, y in ((200, 400), (200, 440), (40, 420), (360, 420)):
        assert near(shot, LINE, (left + x, top + y), 1), (x, y)
    assert not near(shot, DIFFERS, (left + 200, top + 420), 40)
    assert not near(shot, LINE, (left + 200, top + 320), 40)


@in_a_browser
def test_a_chosen_difference_is_lit_on_the_picture_and_no_markup_becomes_an_element(tmp_path: Path) -> None:
    page = replace(ON_PAPER, text=f"{EVIL}<style>*{{display:none}}</style>")
    (file := tmp_path / "a.html").write_text(view(EVIL, [page], "en"), "utf-8")

    lit = []
    for at in ("", "#p1-d1"):
        shot = screenshot(tmp_path, f"{file.as_uri()}{at}", 1)
        left, top, *_ = place_of(shot, PAPER)
        is_solid = all(near(shot, DIFFERS, (left + x, top + 240), 1) for x in range(105, 196))
        lit.append((is_solid, near(shot, YELLOW_ON_PAPER, (left + 150, top + 220), 0)))
    dom = Dom(browse(tmp_path, file.as_uri(), "--dump-dom"))

    assert lit == [(False, False), (True, True)]
    assert (dom.of("script"), len(dom.of("style")), len(dom.of("img"))) == ([], 1, 1)
    assert {"p1-d1", "p1-i1", "p1-l2", "p1-t2"} <= set(dom.ids)
