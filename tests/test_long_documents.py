"""Documents beside a question: in the prompt where they fit, else at DashScope for qwen-long; and that they go away."""

import json
import logging
import re
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import documents
import httpx2
import pytest
from anyio import to_thread
from bailian_mcp.server import sandbox
from bailian_mcp.server.__main__ import main
from bailian_mcp.server.app.server import build
from bailian_mcp.server.app.transports.http import Listener, application
from bailian_mcp.server.calls.context import AppContext
from bailian_mcp.server.calls.language import in_chinese
from bailian_mcp.server.calls.shelf import Shelf
from bailian_mcp.server.dashscope import DashScopeError, StoredFiles
from bailian_mcp.server.endpoints import host as host_of
from bailian_mcp.server.files import office
from bailian_mcp.server.spending import Caps
from conftest import (
    ANSWER,
    HOST,
    KEY,
    FakeDashScope,
    Hosted,
    chunk,
    dashscope,
    finish,
    refusal,
    shaken_hands,
    sse,
    stream,
    text_of,
    told,
    usage,
)
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from papers import A6_PT, PATENT, pdf

pytestmark = pytest.mark.anyio
FILE = {
    "id": "file-fe-1", "object": "file", "bytes": 9, "created_at": 1742883735, "filename": "x", "purpose": "file-extract",
    "status": "processed", "status_details": None,
}  # fmt: skip
PARSING = refusal(400, "invalid_parameter_error", "File parsing in progress, please try again later.")
SINGAPORE = host_of("https://dashscope-intl.aliyuncs.com")
TOO_LONG = "word " * 700_000  # 3.5 million letters: more than the default model takes


@pytest.fixture
def era() -> str:
    """What is asked of DashScope does not depend on how a host is spoken to."""
    return "2026-07-28"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path.resolve()


def stored(status: str = "processed", **changed: Any) -> httpx2.Response:
    return httpx2.Response(200, content=json.dumps({**FILE, "status": status, **changed}).encode())


class Sandbox(FakeDashScope):
    """The sandbox, and what it was asked."""

    def __init__(self) -> None:
        super().__init__([])
        self._inner = httpx2.ASGITransport(sandbox.app())

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return await self._inner.handle_async_request(request)

    def of(self, method: str, ending: str) -> list[httpx2.Request]:
        return [each for each in self.requests if each.method == method and each.url.path.endswith(ending)]

    @property
    def uploads(self) -> list[bytes]:
        return [each.content for each in self.of("POST", "/files")]


def quick() -> Shelf:
    return Shelf(first_look_s=0)


async def ask(hosted: Hosted, wire: FakeDashScope, folder: Path, *files: str, said: Any = None, **more: Any) -> Any:
    given = {"folders": (folder,), "shelf": quick(), **more.pop("shared", {})}
    async with hosted(wire, **given) as host:
        arguments = {"prompt": "谁是申请人？", "files": [str(folder / name) for name in files], **more}
        return await host.call_tool("chat", arguments, progress_callback=told(said) if said is not None else None)


async def sent_of(hosted: Hosted, folder: Path, name: str, content: bytes) -> str:
    """The text that a model gets of a file."""
    (folder / name).write_bytes(content)
    wire = FakeDashScope([stream()])
    await ask(hosted, wire, folder, name)
    return str(wire.body["messages"][0]["content"])


def asked(wire: FakeDashScope) -> dict[str, Any]:
    return dict(json.loads(next(r for r in reversed(wire.requests) if r.url.path.endswith("completions")).content))


# --- what fits stands in the prompt ---


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.txt", "申请人：杭州".encode(), "申请人：杭州"),
        ("a.docx", documents.docx("申请人：杭州", "<b> & c"), "申请人：杭州\n<b> & c"),
        ("a.pptx", documents.pptx("第一页", "第二页"), "Slide 1\n第一页\n\nSlide 2\n第二页"),
        ("a.epub", documents.epub("<p>一&nbsp;章</p>", "<pre>a  b</pre><p>caf&eacute;  <b>x</b> y</p>"), "一 章\n\na  b\ncafé x y"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("model", ["", "qwen-max"])
async def test_a_document_that_fits_is_read_here_and_stands_before_the_prompt(
    hosted: Hosted, folder: Path, name: str, content: bytes, says: str, model: str
) -> None:
    (folder / name).write_bytes(content)
    wire, said = FakeDashScope([stream()]), list[str]()
    result = await ask(hosted, wire, folder, name, model=model, said=said)

    assert not result.is_error, text_of(result)
    assert any(re.match(r"asking qwen[\w.-]+: about \d+ tokens of documents, 0\.\d+ CNY", each) for each in said)
    (message,) = wire.body["messages"]
    tag = message["content"][1:16]
    assert message["content"] == f'<{tag} name="{name}">\n{says}\n</{tag}>\n\n谁是申请人？'
    assert wire.body["model"] == model or "qwen3.7-plus"


async def test_a_pdf_is_read_here_where_nobody_named_a_model_for_it(hosted: Hosted, folder: Path) -> None:
    (folder / "a.pdf").write_bytes(pdf([PATENT, ()], size_pt=lambda _: A6_PT))
    wire = FakeDashScope([stream()])
    result = await ask(hosted, wire, folder, "a.pdf")

    assert not result.is_error, text_of(result)
    assert "申请人：杭州某某科技有限公司" in wire.body["messages"][0]["content"]


async def test_images_beside_a_document_stay_images(hosted: Hosted, folder: Path) -> None:
    (folder / "a.txt").write_text("申请人：杭州", "utf-8")
    wire = FakeDashScope([stream()])
    async with hosted(wire, folders=(folder,)) as host:
        files = ["https://a.example/x.png", str(folder / "a.txt")]
        await host.call_tool("chat", {"prompt": "?", "system": "简短", "files": files})

    system, user = wire.body["messages"]
    assert system == {"role": "system", "content": "简短"}
    assert [part["type"] for part in user["content"]] == ["image_url", "text"]
    assert "申请人：杭州" in user["content"][1]["text"]


# --- what a zip may hold ---

DEEP = "<w:p>" * 600 + "</w:p>" * 600


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(
            lambda: documents.zipped({"word/document.xml": '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'}), id="entities"
        ),
        pytest.param(lambda: documents.word("<w:p>" + " " * 210_000_000 + "</w:p>"), id="bomb"),
        pytest.param(lambda: documents.word(DEEP), id="deep"),
        pytest.param(lambda: documents.word("<w:p>"), id="broken"),
        pytest.param(lambda: documents.docx("x")[:-30], id="cut off"),
        pytest.param(lambda: documents.zipped({"word/document.xml": "<x/>"}, method=12), id="bzip2"),
        pytest.param(lambda: documents.zipped({"a.txt": "x"}), id="archive"),
        pytest.param(lambda: documents.word("<w:p><w:r><w:t>" + "x" * 10_000_001 + "</w:t></w:r></w:p>"), id="text"),
        pytest.param(lambda: documents.zipped({f"{n:0200}": "" for n in range(20_000)}), id="contents"),
        pytest.param(lambda: documents.word("<w:p><w:r><w:t>x</w:t></w:r></w:p>" + "<w:p/>" * 200_000), id="elements"),
        pytest.param(
            lambda: documents.word(f"<!--{'x' * 9_000_000}--><w:p><w:r><w:t>x</w:t></w:r></w:p>"), id="comment"
        ),
        pytest.param(
            lambda: documents.word(f"<w:p w:x='{'x' * 9_000_000}'><w:r><w:t>x</w:t></w:r></w:p>"), id="attribute"
        ),
        pytest.param(lambda: documents.epub("<p>x</p>", more=f"<!--{'x' * 9_000_000}-->"), id="comment of a book"),
        pytest.param(lambda: documents.epub("<p>x</p>", more="<item id='a' href='b'/>" * 100_001), id="items"),
        pytest.param(lambda: documents.epub("<p>x</p>", again=25_000), id="chapters"),
        pytest.param(
            lambda: documents.docx("x").replace(b"PK\x05\x06", b"PK\x06\x07" + bytes(16) + b"PK\x05\x06"), id="zip64"
        ),
    ],
)
async def test_a_zip_that_is_none_or_goes_too_far_is_not_read(
    hosted: Hosted, folder: Path, made: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "MAX_ELEMENTS", 200_000)  # a tenth, so that nobody waits for it
    (folder / "a.docx").write_bytes(made())
    wire = FakeDashScope([stream()])
    async with hosted(wire, folders=(folder,)) as host:
        result = await host.call_tool("extract", {"json_schema": {"type": "object"}, "files": [str(folder / "a.docx")]})

    assert "a.docx is an Office document or an archive." in text_of(result)
    assert wire.requests == []


async def test_words_that_word_does_not_show_are_left_out_and_none_stands_twice(hosted: Hosted, folder: Path) -> None:
    body = (
        "<w:p><w:pPr><w:tabs><w:tab/></w:tabs><w:rPr><w:vanish/></w:rPr></w:pPr><w:r><w:t>甲</w:t><w:tab/><w:t>乙</w:t></w:r>"
        '<w:r><w:rPr><w:vanish/></w:rPr><w:t>unseen</w:t></w:r><w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>丙</w:t></w:r>'
        "<w:del><w:r><w:delText>deleted</w:delText></w:r></w:del></w:p>"
        "<mc:AlternateContent><mc:Choice><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Choice>"
        "<mc:Fallback><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>"
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr>"
        "</w:tbl>"
    )
    note = f"<w:footnotes {documents.WORD}><w:p><w:r><w:t>脚注</w:t></w:r></w:p></w:footnotes>"
    (folder / "a.docx").write_bytes(documents.word(body, footnotes=note))
    wire = FakeDashScope([stream()])
    await ask(hosted, wire, folder, "a.docx")

    assert "\n甲\t乙丙\nbox\na \tb\n\n脚注\n" in wire.body["messages"][0]["content"]


def said_in_words(*texts: str) -> str:
    """A paragraph of Word of these runs; what begins with < is XML."""
    runs = (text if text.startswith("<") else f"<w:r><w:t xml:space='preserve'>{text}</w:t></w:r>" for text in texts)
    return f"<w:p>{''.join(runs)}</w:p>"


def formula(*parts: str) -> str:
    return f"<m:oMath>{''.join(parts)}</m:oMath>"


def of(kind: str, **parts: str) -> str:
    """An element of a formula; a part that is no XML is letters."""
    within = (
        f"<m:{name}>{part if part.startswith('<') else f'<m:r><m:t>{part}</m:t></m:r>'}</m:{name}>"
        for name, part in parts.items()
    )
    return f"<m:{kind}>{''.join(within)}</m:{kind}>"


def sign(font: str, code: str) -> str:
    return f'<w:r><w:sym w:font="{font}" w:char="{code}"/></w:r>'


BOX = f"<w:r><w:pict><w:txbxContent>{said_in_words('200 EUR')}</w:txbxContent></w:pict></w:r>"
UP, DOWN, LEVEL = (
    f'<w:r><w:rPr><w:vertAlign w:val="{way}"/></w:rPr><w:t>2</w:t></w:r>'
    for way in ("superscript", "subscript", "baseline")
)
RUBY = "<w:r><w:ruby><w:rt><w:r><w:t>kan</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>漢</w:t></w:r></w:rubyBase></w:ruby></w:r>"
SUM = "<m:naryPr><m:chr m:val='∑'/></m:naryPr>"


@pytest.mark.parametrize(
    ("paragraph", "says"),
    [
        (said_in_words("Total 100", BOX), "Total 100\n200 EUR"),
        (said_in_words("Total 100", BOX, "300"), "Total 100\n200 EUR\n300"),
        (said_in_words("m", UP, "K, H", DOWN, "O, 10", UP, UP, "3 and", LEVEL), "m^2K, H_2O, 10^22 3 and2"),
        (said_in_words("1", formula(of("f", num="1", den="2")), "3"), "1 1/2 3"),
        (said_in_words(formula(of("f", num="a+b", den="2c"), of("f", num="1", den="d"))), "(a+b)/(2c) 1/d"),
        (said_in_words("10", formula(of("sSup", e="10", sup="6")), " m"), "10 10^6 m"),
        (said_in_words(formula(of("sSup", e="10", sup="-6"), of("sSub", e="x", sub="i+1"))), "10^-6 x_(i+1)"),
        (said_in_words(formula(of("sSubSup", e="x", sub="1", sup="2"))), "x_1^2"),
        (said_in_words(formula(of("sSup", e=of("d", e="a+b"), sup="2"))), "(a+b)^2"),
        (said_in_words(formula(of("d", dPr="<m:begChr m:val='['/><m:endChr m:val=']'/>", e="a"))), "[a]"),
        (said_in_words(formula(of("rad", deg="3", e="a+8"), of("rad", deg="", e="10"))), "√[3](a+8)√10"),
        (said_in_words(formula(of("func", fName="sin", e="x"), of("acc", e="v"))), "sin xv\u0302"),
        (said_in_words(formula(f"<m:nary>{SUM}<m:sub><m:r><m:t>i=1</m:t></m:r></m:sub><m:sup/><m:e><m:r><m:t>i</m:t></m:r></m:e></m:nary>")), "∑_(i=1) i"),
        (said_in_words(formula("<m:m><m:mr><m:e><m:r><m:t>1</m:t></m:r></m:e><m:e><m:r><m:t>2</m:t></m:r></m:e></m:mr><m:mr/></m:m>")), "1, 2;"),
        (said_in_words(RUBY, "字"), "漢(kan)字"),
        (said_in_words("a", "<w:r><w:ptab/></w:r>", "b"), "a\tb"),
        (said_in_words("20", sign("Symbol", "F0B0"), "C", sign("Symbol", "F06D"), sign("Symbol", "F035"), sign("Arial", "00A9")), "20°Cμ5©"),
        (said_in_words(sign("Wingdings", "F0FE"), sign("Wingdings", "F001"), sign("Arial", "F0B0"), sign("Arial", "D800"), sign("Arial", "x")), "☑\ufffd\ufffd\ufffd\ufffd"),
        (said_in_words("a", "<w:moveFrom><w:r><w:t>gone</w:t><w:tab/></w:r></w:moveFrom>", "b"), "ab"),
        ("<mc:AlternateContent><mc:Choice/><mc:Fallback><w:p><w:r><w:t>a</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>", "a"),
    ],
)  # fmt: skip
async def test_what_stands_apart_in_word_does_not_run_together(
    hosted: Hosted, folder: Path, paragraph: str, says: str
) -> None:
    assert f'name="a.docx">\n{says}\n</' in await sent_of(hosted, folder, "a.docx", documents.word(paragraph))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("<ul><li>Item 12<ul><li>34 apples</li></ul></li></ul>", "Item 12\n34 apples"),
        ("<figure><figcaption>Figure 1</figcaption></figure><p>2 litres</p>", "Figure 1\n2 litres"),
        ("<div>Total 100<p>200 EUR</p>300</div>", "Total 100\n200 EUR\n300"),
        ("<table><caption>Table 7</caption><tr><td>8</td>\n <td><p>9</p></td></tr></table>", "Table 7\n8\t9"),
        ("<article>1</article><article>2</article><select><option>3</option><option>4</option></select>", "1\n2\n3\n4"),
        ("10<sup>6</sup> 10<sup>-6</sup> H<sub>2</sub>O <sup>1</sup>2 a<sup>3</sup>4", "10^6 10^-6 H_2O 1 2 a^3 4"),
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>字", "漢(kan)字"),
        ("a <img alt=' a  lake '/> <img/> <svg><text>1</text></svg> b", "a [a lake] [picture] [picture] b"),
        ("<math alttext='a+b'><mn>1</mn></math> <math><mn>1</mn></math> b", "[a+b] [formula] b"),
    ],
)  # fmt: skip
async def test_what_stands_apart_in_a_book_does_not_run_together(
    hosted: Hosted, folder: Path, body: str, says: str
) -> None:
    assert f'name="a.epub">\n{says}\n</' in await sent_of(hosted, folder, "a.epub", documents.epub(body))


async def test_a_document_lies_where_its_package_says(hosted: Hosted, folder: Path) -> None:
    sent = await sent_of(hosted, folder, "a.docx", documents.word_elsewhere())

    assert 'name="a.docx">\n申请人：杭州\n\n脚注\n</' in sent


async def test_the_speakers_notes_and_diagrams_of_a_slide_are_read(hosted: Hosted, folder: Path) -> None:
    words = "<a:p><a:r><a:t>{}</a:t></a:r></a:p>"
    number = "<a:p><a:fld type='slidenum'><a:t>1</a:t></a:fld></a:p>"
    raised = "<a:p><a:r><a:t>10</a:t></a:r><a:r><a:rPr baseline='30000'/><a:t>6</a:t></a:r></a:p>"
    deck = documents.pptx(
        "一", "二", shapes=number + raised, beside=words.format("讲") + number, diagram=words.format("图")
    )
    (folder / "a.pptx").write_bytes(deck)
    wire = FakeDashScope([stream()])
    await ask(hosted, wire, folder, "a.pptx")

    assert "\nSlide 1\n一\n\n10^6\n图\nSpeaker notes: 讲\n\nSlide 2\n二\n</" in wire.body["messages"][0]["content"]


PICTURE, CHART = "<a:blip xmlns:a='urn:a'/>", "<c:chart xmlns:c='urn:c'/>"
TWICE = (
    f"<mc:AlternateContent><mc:Choice>{PICTURE}</mc:Choice><mc:Fallback>{PICTURE}</mc:Fallback></mc:AlternateContent>"
)


@pytest.mark.parametrize(
    ("name", "content", "notes"),
    [
        (
            "a.docx", documents.word(said_in_words("甲") + PICTURE + TWICE + CHART),
            ["a.docx has charts that are not read: 1.", "a.docx has pictures that are not read: 2."],
        ),
        ("a.pptx", documents.pptx("甲", shapes=PICTURE), ["a.pptx has pictures that are not read: 1."]),
        (
            "a.epub", documents.epub("<p>甲</p><img alt='x'/><svg/><math/>"),
            ["a.epub has formulas that are not read: 1.", "a.epub has pictures that are not read: 2."],
        ),
        ("b.docx", documents.docx("甲"), []),
    ],
)  # fmt: skip
async def test_what_of_a_document_is_not_read_is_told(
    hosted: Hosted, folder: Path, name: str, content: bytes, notes: list[str]
) -> None:
    (folder / name).write_bytes(content)
    expected = [f"{note} Save it as PDF to have them seen." for note in notes]
    chatted = await ask(hosted, FakeDashScope([stream()]), folder, name)
    async with hosted(FakeDashScope([stream(sse(chunk(content="{}"), finish(), usage()))]), folders=(folder,)) as host:
        asked_for = {"json_schema": {"type": "object"}, "files": [str(folder / name)]}
        extracted = await host.call_tool("extract", asked_for)

    assert chatted.structured_content.get("notes", []) == expected
    assert extracted.structured_content["notes"] == expected
    assert [note for note in expected if "read" in in_chinese(note)] == []


async def test_a_book_of_pictures_alone_is_no_text(hosted: Hosted, folder: Path) -> None:
    (folder / "a.epub").write_bytes(documents.epub("<img/>", "<svg/>"))
    async with hosted(wire := FakeDashScope([]), folders=(folder,)) as host:
        result = await host.call_tool("extract", {"json_schema": {"type": "object"}, "files": [str(folder / "a.epub")]})

    assert "Save it as PDF and give that." in text_of(result)
    assert wire.requests == []


# --- what does not fit lies at DashScope ---


async def test_a_document_for_qwen_long_is_stored_under_a_name_that_tells_nothing_and_named_in_the_prompt(
    hosted: Hosted, folder: Path
) -> None:
    (folder / "机密合同.docx").write_bytes(documents.docx("申请人：杭州"))
    wire, said = Sandbox(), list[str]()
    result = await ask(hosted, wire, folder, "机密合同.docx", model="qwen-long", system="简短", said=said)

    (upload,) = wire.uploads
    assert re.search(rb'name="file"; filename="bailian-mcp-[0-9a-f]{8}\.txt"', upload)
    assert b'name="purpose"\r\n\r\nfile-extract' in upload
    assert "申请人：杭州".encode() in upload
    assert "机密".encode() not in upload
    role, named, user = asked(wire)["messages"]
    assert role["content"] == "简短\n\nThe documents that follow, in this order: 1. 机密合同.docx"
    assert re.fullmatch("fileid://file-fe-[0-9a-f]{24}", named["content"])
    assert user == {"role": "user", "content": "谁是申请人？"}
    assert "随附 1 个文档" in text_of(result)
    before = "asking qwen-long: about 15 tokens of documents, 0.0000075 CNY for each question"
    assert before in said
    assert said.index(before) > said.index(
        "putting 机密合同.docx (0.0 MB) where DashScope reads it, until this server ends"
    )
    tokens = result.structured_content["usage"]["input_tokens"]
    assert (
        f"Each question about these documents bills their whole text: about {tokens:,} tokens, "
        f"{Decimal(tokens) / 2_000_000:f} CNY." in text_of(result)
    )


async def test_a_second_question_uploads_nothing_and_knows_its_price(hosted: Hosted, folder: Path) -> None:
    (folder / "a.xlsx").write_bytes(documents.xlsx())
    wire, shelf, said = Sandbox(), quick(), list[str]()
    async with hosted(wire, folders=(folder,), shelf=shelf) as host:
        for prompt in ("一", "二"):
            arguments = {"prompt": prompt, "files": [str(folder / "a.xlsx")]}
            result = await host.call_tool("chat", arguments, progress_callback=told(said))
            assert "a.xlsx (xlsx) is of a kind that qwen3.7-plus does not read: qwen-long was asked." in text_of(result)

    assert len(wire.uploads) == 1
    assert b".xlsx" in wire.uploads[0]
    assert "asking qwen-long: what a question costs is known after the first answer" in said
    assert any(
        re.match(r"asking qwen-long: about [\d,]+ tokens of documents, 0\.\d+ CNY for each", each) for each in said
    )


@pytest.mark.parametrize(("name", "content"), [("a.xlsx", documents.xlsx()), ("a.mobi", documents.mobi())])
async def test_a_kind_that_nobody_reads_here_goes_as_it_is(
    hosted: Hosted, folder: Path, name: str, content: bytes
) -> None:
    (folder / name).write_bytes(content)
    wire = Sandbox()
    result = await ask(hosted, wire, folder, name)

    assert not result.is_error, text_of(result)
    assert content in wire.uploads[0]


async def test_what_dashscope_may_not_see_of_a_workbook_is_told_in_the_language_of_the_call(
    hosted: Hosted, folder: Path
) -> None:
    content = documents.xlsx("xl/media/a.png", "xl/media/b.png", "xl/charts/chart1.xml", "xl/charts/style1.xml")
    (folder / "a.xlsx").write_bytes(content)
    result = await ask(hosted, Sandbox(), folder, "a.xlsx")
    text = text_of(await ask(hosted, Sandbox(), folder, "a.xlsx", shared={"language": "zh", "structured": False}))

    assert result.structured_content["notes"][-2:] == [
        "a.xlsx has charts that DashScope may not read: 1. Save it as PDF to have them seen.",
        "a.xlsx has pictures that DashScope may not read: 2. Save it as PDF to have them seen.",
    ]
    assert "a.xlsx 含有图表，百炼可能不会读取：1 个。如需查看，请另存为 PDF。" in text
    assert "a.xlsx 含有图片，百炼可能不会读取：2 张。如需查看，请另存为 PDF。" in text


async def test_what_is_too_long_for_the_default_goes_to_qwen_long_and_that_is_said(
    hosted: Hosted, folder: Path
) -> None:
    (folder / "a.txt").write_text(TOO_LONG, "utf-8")
    wire = Sandbox()
    result = await ask(hosted, wire, folder, "a.txt", history=[{"role": "user", "content": "早"}])

    assert result.structured_content["model"] == "qwen-long"
    assert "The documents have about 1,000,010 tokens, and qwen3.7-plus takes 991,808: qwen-long was asked." in text_of(
        result
    )
    assert [message["role"] for message in asked(wire)["messages"]] == ["system", "system", "user", "user"]


async def test_pages_without_a_text_are_said(hosted: Hosted, folder: Path) -> None:
    (folder / "a.pdf").write_bytes(pdf([PATENT, ()], size_pt=lambda _: A6_PT))
    result = await ask(hosted, Sandbox(), folder, "a.pdf", model="qwen-long")

    assert "Of a.pdf these pages have no text, and are left out: 2. `ocr` reads them." in text_of(result)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more"])
async def test_what_holds_nothing_is_said(hosted: Hosted, folder: Path, content: bytes) -> None:
    (folder / "a.docx").write_bytes(content)
    result = await ask(hosted, FakeDashScope([stream()]), folder, "a.docx", model="qwen-long")

    assert "a.docx is " in text_of(result)
    assert text_of(result).endswith("Nothing was sent.")


async def test_many_at_once_are_stored_once(hosted: Hosted, folder: Path) -> None:
    (folder / "a.txt").write_text("slow 申请人：杭州", "utf-8")
    wire = Sandbox()
    async with hosted(wire, folders=(folder,), shelf=quick()) as host, anyio.create_task_group() as tasks:
        for prompt in "一二三":
            given = {"prompt": prompt, "model": "qwen-long", "files": [str(folder / "a.txt")]}
            tasks.start_soon(host.call_tool, "chat", given)

    assert len(wire.uploads) == 1
    assert len(wire.of("POST", "completions")) == 3


# --- refused before anything is stored ---

NOT_STORED: list[tuple[str, dict[str, Any], str]] = [
    ("a.txt", {"model": "qwen-max"}, "The documents have about 1,000,010 tokens, and qwen-max takes 30,720. Use qwen-long, or give less."),
    ("a.xlsx", {"model": "qwen-max"}, "a.xlsx (xlsx) is of a kind that qwen-max does not read. Use qwen-long, or give less."),
    ("a.xlsx", {"shared": {"models": {"chat": "qwen-max"}}}, "Use qwen-long, or give less."),
    ("a.xlsx", {"shared": {"host": SINGAPORE}}, "qwen-long takes it, in cn-beijing only: give less, or use a server with a key of that region."),
    ("b.txt", {"model": "qwen-long", "shared": {"host": SINGAPORE}}, "qwen-long is offered in cn-beijing only. Use another model."),
    ("a.xlsx", {"shared": {"host": host_of("https://llm.example/v1")}}, "does not read. Give less, or save it as a text or PDF."),
    ("b.txt", {"model": "qwen-long", "shared": {"uploads": False}}, "BAILIAN_UPLOADS=false forbids to put them there."),
    ("b.txt", {"model": "qwen-long", "shared": {"mend": lambda *_: "BAILIAN_UPLOADS is unreadable."}}, "BAILIAN_UPLOADS is unreadable."),
    ("b.txt", {"model": "qwen-long", "prompt": "word " * 10_000}, "beside documents qwen-long takes 9,000."),
    ("b.txt", {"model": "qwen-long", "shared": {"host": host_of("https://coding.dashscope.aliyuncs.com")}}, "The storage for documents is DashScope's own"),
    ("empty.pdf", {"model": "qwen-long"}, "empty.pdf holds no text. Read it with `ocr` and give what it gives."),
    ("a.doc", {}, "a.doc is an Office document or an archive."),
    ("huge.txt", {"model": "qwen-long"}, "at most 20 MB are read"),
]  # fmt: skip


@pytest.fixture
def crowded(folder: Path) -> Path:
    contents = {
        "a.txt": TOO_LONG.encode(), "b.txt": b"short", "a.xlsx": documents.xlsx(),
        "empty.pdf": pdf([()]), "a.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "huge.txt": b"x" * 20_000_001,
    }  # fmt: skip
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(("name", "more", "says"), NOT_STORED)
async def test_what_cannot_be_stored_is_refused_with_its_mend(
    hosted: Hosted, crowded: Path, name: str, more: dict[str, Any], says: str
) -> None:
    wire = FakeDashScope([stream()])
    result = await ask(hosted, wire, crowded, name, **more)

    assert result.is_error
    assert says in text_of(result)
    assert text_of(result).endswith("Nothing was sent.")
    assert wire.requests == []


@pytest.mark.parametrize(
    ("files", "more", "says"),
    [
        (["https://a.example/x.pdf"], {"model": "qwen-long"}, "qwen-long reads files, and nothing by URL."),
        (["https://a.example/x.png"], {"model": "qwen-long"}, "qwen-long reads files, and nothing by URL."),
        (
            ["https://a.example/x.png", "a.xlsx"],
            {},
            "qwen-long takes it, and reads no images: ask about them by themselves.",
        ),
    ],
)
async def test_qwen_long_takes_no_urls_and_no_images(
    hosted: Hosted, crowded: Path, files: list[str], more: dict[str, Any], says: str
) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, folders=(crowded,)) as host:
        given = [str(crowded / each) if "://" not in each else each for each in files]
        result = await host.call_tool("chat", {"prompt": "x", "files": given, **more})

    assert says in text_of(result)
    assert wire.requests == []


async def test_more_than_qwen_long_takes_is_refused(hosted: Hosted, folder: Path) -> None:
    for number in range(8):
        (folder / f"{number}.txt").write_text("字" * 3_000_000, "utf-8")
    result = await ask(hosted, FakeDashScope([stream()]), folder, *(f"{n}.txt" for n in range(8)), model="qwen-long")

    assert "The documents have at least 12,000,000 tokens, and qwen-long takes 10,000,000. Give less." in text_of(
        result
    )


@pytest.mark.parametrize(
    ("tool", "more"),
    [
        ("chat", {"model": "qwen-long"}),
        ("chat", {"model": "qwen-doc-turbo"}),
        ("chat", {"model": "qwen-long-of-tomorrow"}),
        ("compare", {"models": ["qwen-long", "qwen-plus"]}),
    ],
)
async def test_callers_over_http_cannot_name_a_file_by_its_id(hosted: Hosted, tool: str, more: dict[str, Any]) -> None:
    wire = FakeDashScope([lambda: stream()])
    async with hosted(wire, remote=True) as host:
        given = {"prompt": "x", "system": "FILEID://file-fe-of-somebody-else", **more}
        result = await host.call_tool(tool, given)

    assert "which callers over HTTP cannot do. Give the file in `files`. Nothing was sent." in text_of(result)
    assert wire.requests == []


async def test_qwen_long_without_files_is_a_model_like_any_other(hosted: Hosted) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire) as host:
        await host.call_tool("chat", {"prompt": "x", "model": "qwen-long"})

    assert wire.body["messages"] == [{"role": "user", "content": "x"}]


# --- until DashScope has read it ---


@pytest.fixture
def short(folder: Path) -> Path:
    (folder / "b.txt").write_text("申请人：杭州", "utf-8")
    return folder


async def test_reading_is_waited_for_by_status_and_by_refusal(hosted: Hosted, short: Path) -> None:
    said: list[str] = []
    wire = FakeDashScope([stored("processing"), stored("processing"), stored(), PARSING, stream(ANSWER)])
    result = await ask(hosted, wire, short, "b.txt", model="qwen-long", said=said)

    assert not result.is_error, text_of(result)
    assert [r.method for r in wire.requests] == ["POST", "GET", "GET", "POST", "POST"]
    assert "DashScope is still reading the documents" in said
    assert "failed requests" not in text_of(result)


async def test_what_dashscope_cannot_read_is_said_and_deleted(hosted: Hosted, short: Path) -> None:
    wire = FakeDashScope([stored("error"), stored()])
    result = await ask(hosted, wire, short, "b.txt", model="qwen-long")

    assert "DashScope could not read the file. Save it as PDF, DOCX or TXT" in text_of(result)
    assert [r.method for r in wire.requests] == ["POST", "DELETE"]


async def test_what_is_not_read_in_time_is_not_uploaded_again(hosted: Hosted, short: Path) -> None:
    wire = FakeDashScope([stored("processing")])
    shelf = Shelf(first_look_s=9)
    options = {"timeout_s": 0.05}
    result = await ask(hosted, wire, short, "b.txt", model="qwen-long", shared={"options": options, "shelf": shelf})
    wire.steps = [stored(), stream()]
    again = await ask(hosted, wire, short, "b.txt", model="qwen-long", shared={"shelf": Shelf(first_look_s=0)})

    assert "DashScope has not read the file within 0.05 s, and goes on. Call again in a minute" in text_of(result)
    assert not again.is_error


async def test_a_refusal_that_does_not_end_is_given_up(hosted: Hosted, short: Path) -> None:
    wire = FakeDashScope([stored(), lambda: refusal(400, "x", "File parsing in progress, please try again later.")])
    options = {"timeout_s": 0.3}
    result = await ask(hosted, wire, short, "b.txt", model="qwen-long", shared={"options": options})

    assert "DashScope is still reading the file." in text_of(result)
    assert "Wait a minute, then call again." in text_of(result)


async def test_what_somebody_has_deleted_meanwhile_is_stored_again(hosted: Hosted, short: Path) -> None:
    wire = Sandbox()
    async with hosted(wire, folders=(short,), shelf=quick()) as host:
        given = {"model": "qwen-long", "files": [str(short / "b.txt")]}
        await host.call_tool("chat", {"prompt": "一", **given})
        async with dashscope(wire) as other:
            files = StoredFiles(other.rest)
            for each in [file.id async for file in files.listed()]:
                await files.delete(each)
        result = await host.call_tool("chat", {"prompt": "二", **given})

    assert not result.is_error, text_of(result)
    assert len(wire.uploads) == 2


async def test_of_several_documents_one_of_which_is_gone_none_is_left_behind(hosted: Hosted, folder: Path) -> None:
    for name in "ab":
        (folder / f"{name}.txt").write_text(f"申请人：{name}", "utf-8")
    wire = Sandbox()
    async with hosted(wire, folders=(folder,), shelf=(shelf := quick())) as host, dashscope(wire) as other:
        given = {"model": "qwen-long", "files": [str(folder / "a.txt"), str(folder / "b.txt")]}
        await host.call_tool("chat", {"prompt": "一", **given})
        files = StoredFiles(other.rest)
        first, *_ = [file.id async for file in files.listed()]
        await files.delete(first)
        result = await host.call_tool("chat", {"prompt": "二", **given})
        async with shelf:
            assert len([file async for file in files.listed()]) == 2
        left = [file.id async for file in files.listed()]

    assert not result.is_error, text_of(result)
    assert left == []


async def test_a_document_that_becomes_another_kind_before_its_turn_is_said(hosted: Hosted, folder: Path) -> None:
    for name in "ab":
        (folder / f"{name}.xlsx").write_bytes(documents.zipped({"xl/workbook.xml": name}))

    async def swap(*_: Any) -> None:
        (folder / "b.xlsx").write_bytes(b"ID3\x04" + bytes(99))

    async with hosted(Sandbox(), folders=(folder,), shelf=quick()) as host:
        given = {"prompt": "x", "files": [str(folder / "a.xlsx"), str(folder / "b.xlsx")]}
        result = await host.call_tool("chat", given, progress_callback=swap)

    assert result.is_error
    assert "b.xlsx is another file than a moment ago" in text_of(result)


async def test_a_document_that_is_gone_before_its_turn_is_said_without_claiming_that_nothing_was_sent(
    hosted: Hosted, folder: Path
) -> None:
    for name in "ab":
        (folder / f"{name}.xlsx").write_bytes(documents.zipped({"xl/workbook.xml": name}))

    async def lose(*_: Any) -> None:
        (folder / "b.xlsx").unlink(missing_ok=True)

    wire = Sandbox()
    async with hosted(wire, folders=(folder,), shelf=quick()) as host:
        given = {"prompt": "x", "files": [str(folder / "a.xlsx"), str(folder / "b.xlsx")]}
        result = await host.call_tool("chat", given, progress_callback=lose)

    assert "b.xlsx cannot be read" in text_of(result)
    assert "Nothing was sent" not in text_of(result)
    assert len(wire.uploads) == 1


async def test_what_is_said_of_documents_is_said_in_chinese(hosted: Hosted, folder: Path) -> None:
    (folder / "a.xlsx").write_bytes(documents.xlsx())
    result = await ask(hosted, Sandbox(), folder, "a.xlsx", shared={"language": "zh", "structured": False})

    line = text_of(result).partition("\n")[0]
    assert "a.xlsx（xlsx）是 qwen3.7-plus 不读取的类型：已改为询问 qwen-long。" in line
    assert "每次就这些文档提问，都会按全文计费：约" in line


async def test_an_answer_without_usage_has_no_price_note(hosted: Hosted, short: Path) -> None:
    wire = FakeDashScope(
        [stored(), stream(sse({"choices": [{"delta": {"content": "x"}, "index": 0, "finish_reason": "stop"}]}))]
    )
    result = await ask(hosted, wire, short, "b.txt", model="qwen-long")

    assert "Each question" not in text_of(result)


# --- caps ---


async def test_what_was_counted_fits_a_cap_that_the_whole_window_does_not(hosted: Hosted, crowded: Path) -> None:
    wire = Sandbox()
    shared = {"caps": Caps(per_call=Decimal("1")), "kept": (crowded / "state",)}
    fits = await ask(hosted, wire, crowded, "b.txt", model="qwen-long", shared=shared)
    over = await ask(hosted, wire, crowded, "a.xlsx", model="qwen-long", shared=shared)

    assert not fits.is_error, text_of(fits)
    assert "It may cost up to 5.0" in text_of(over)
    assert "Nothing was asked." in text_of(over)
    assert "Nothing was sent." not in text_of(over)
    assert "What fits" not in text_of(over)


# --- and it goes away ---


def listed(url: str) -> Callable[[], list[str]]:
    def ids() -> list[str]:
        reply = httpx2.get(
            f"{url}/compatible-mode/v1/files", headers={"authorization": f"Bearer {KEY}"}, trust_env=False
        )
        return [file["id"] for file in reply.json()["data"]]

    return ids


async def test_what_a_server_stored_is_deleted_when_it_ends(folder: Path) -> None:
    (folder / "b.txt").write_text("申请人：杭州", "utf-8")
    with sandbox.running() as url:
        given = {"DASHSCOPE_BASE_URL": url, "DASHSCOPE_API_KEY": KEY, "BAILIAN_ALLOWED_DIRS": str(folder)}
        async with shaken_hands(**given) as server:
            reply = await server.call(1, prompt="x", model="qwen-long", files=[str(folder / "b.txt")])
            during = await to_thread.run_sync(listed(url))
        after = await to_thread.run_sync(listed(url))

    assert "随附 1 个文档" in reply["content"][0]["text"]
    assert len(during) == 1
    assert after == []


async def test_an_upload_that_was_cancelled_is_found_by_its_name_and_deleted() -> None:
    wire = Sandbox()
    arrived = anyio.Event()

    async def stuck(request: httpx2.Request) -> httpx2.Response:
        reply = await wire(request)
        if request.method == "POST" and not arrived.is_set():
            arrived.set()
            await anyio.sleep_forever()
        return reply

    async with dashscope(wire, transport=httpx2.MockTransport(stuck)) as client, Shelf() as shelf:
        files = StoredFiles(client.rest)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: shelf.put(files, "", BytesIO(b"x"), ".txt", timeout_s=9))
            await arrived.wait()
            tasks.cancel_scope.cancel()
        await files.upload("file-extract", "another's.txt", BytesIO(b"x"))
        await shelf.put(files, "", BytesIO(b"x"), ".txt", timeout_s=9)
        assert len([file async for file in files.listed()]) == 3
    async with dashscope(wire) as client:
        assert [file.name async for file in StoredFiles(client.rest).listed()] == ["another's.txt"]


async def test_another_client_shares_no_file_whatever_it_holds() -> None:
    wire = Sandbox()
    async with dashscope(wire) as client, Shelf() as shelf:
        files = StoredFiles(client.rest)
        ids = [
            (await shelf.put(files, who, BytesIO(b"x"), ".txt", timeout_s=9)).id for who in ("anna", "boris", "anna")
        ]
        names = {file.name async for file in files.listed()}

    assert ids[0] == ids[2] != ids[1]
    assert len(names) == 2
    assert len(wire.of("DELETE", "")) == 2


@asynccontextmanager
async def callers(wire: FakeDashScope, *tokens: str) -> AsyncIterator[list[Client]]:
    """Clients of one server over HTTP, each with a session and a token of its own; "": without."""
    root, names = "http://127.0.0.1:8000", {token: f"client {token[0]}" for token in tokens if token}
    async with dashscope(wire) as client, AsyncExitStack() as stack:
        server = build(AppContext(client, HOST, shelf=quick(), remote=True))
        app = application(server, "streamable-http", Listener(stack.enter_context(socket.socket()), names))
        await stack.enter_async_context(server.session_manager.run())
        connected = []
        for token in tokens:
            headers = {"authorization": f"Bearer {token}"} if token else {}
            http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), headers=headers, base_url=root)
            way = streamable_http_client(f"{root}/mcp", http_client=await stack.enter_async_context(http))
            connected.append(await stack.enter_async_context(Client(way, mode="legacy")))
        yield connected


@pytest.mark.parametrize("tokens", [("a" * 16, "b" * 16), ("", "")])
async def test_clients_over_http_share_no_document(tokens: tuple[str, str]) -> None:
    wire = Sandbox()
    document = f"data:text/plain;base64,{b64encode('申请人：杭州'.encode()).decode()}"
    async with callers(wire, *tokens) as (anna, boris):
        for number, host in enumerate((anna, boris, anna)):
            given = {"prompt": f"{number}", "model": "qwen-long", "files": [document]}
            result = await host.call_tool("chat", given)
            assert "随附 1 个文档" in text_of(result)

    assert len(wire.uploads) == 2
    named = [json.loads(each.content)["messages"][1]["content"] for each in wire.of("POST", "completions")]
    assert named[0] == named[2] != named[1]


async def test_what_nobody_asks_about_any_more_goes_before_the_end() -> None:
    wire = Sandbox()
    async with dashscope(wire) as client, Shelf(idle_s=-1) as shelf:
        files = StoredFiles(client.rest)
        await shelf.put(files, "", BytesIO(b"x"), ".txt", timeout_s=9)
        await shelf.put(files, "", BytesIO(b"y"), ".txt", timeout_s=9)
        assert len([file async for file in files.listed()]) == 1


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (lambda: refusal(500, "InternalError", "boom"), "file-fe-1"),
        (lambda: refusal(404, "not_found", "No such File object"), ""),
        (lambda: stored(), ""),
    ],
)
async def test_what_could_not_be_deleted_is_said(caplog: pytest.LogCaptureFixture, step: Any, says: str) -> None:
    with caplog.at_level(logging.WARNING, "bailian_mcp"):
        async with dashscope(FakeDashScope([stored(), step])) as client, Shelf() as shelf:
            await shelf.put(StoredFiles(client.rest), "", BytesIO(b"x"), ".txt", timeout_s=9)

    assert ("may still lie at DashScope" in caplog.text) is bool(says)
    assert says in caplog.text


async def test_what_is_known_to_lie_there_is_deleted_while_the_rest_is_looked_for() -> None:
    """A list of ten thousand files takes longer than a host waits."""
    deleted: list[str] = []

    async def slow(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST" and b"broken" in request.content:
            raise httpx2.ReadError("gone")
        if request.method == "GET":
            await anyio.sleep_forever()
        deleted.extend([request.url.path] if request.method == "DELETE" else [])
        return stored()

    async with dashscope(FakeDashScope([]), transport=httpx2.MockTransport(slow)) as client, Shelf() as shelf:
        files = StoredFiles(client.rest)
        await shelf.put(files, "", BytesIO(b"x"), ".txt", timeout_s=9)
        with pytest.raises(DashScopeError):
            await shelf.put(files, "", BytesIO(b"broken"), ".txt", timeout_s=9)

    assert deleted == ["/compatible-mode/v1/files/file-fe-1"]


@pytest.mark.parametrize(
    ("failure", "looks"),
    [
        (refusal(401, "invalid_api_key", "Incorrect API key provided."), 0),
        (httpx2.ConnectError("no"), 0),
        (httpx2.ReadError("gone"), 1),
    ],
)
async def test_only_what_may_have_been_stored_is_looked_for(failure: Any, looks: int) -> None:
    wire = FakeDashScope([failure, *([failure] * 2 if isinstance(failure, httpx2.ConnectError) else []), stored()])
    async with dashscope(wire) as client, Shelf() as shelf:
        with pytest.raises(DashScopeError):
            await shelf.put(StoredFiles(client.rest), "", BytesIO(b"x"), ".txt", timeout_s=9)

    assert sum(request.method == "GET" for request in wire.requests) == looks


# --- bailian-mcp files ---


@asynccontextmanager
async def account(monkeypatch: pytest.MonkeyPatch, *names: str) -> AsyncIterator[list[str]]:
    """The ids of documents of these names, in an account that the environment leads to."""
    with sandbox.running() as url:
        monkeypatch.setenv("DASHSCOPE_BASE_URL", url)
        monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
        async with dashscope(FakeDashScope([]), host=host_of(url), transport=None) as client:
            files = StoredFiles(client.rest)
            yield [(await files.upload("file-extract", name, BytesIO(b"x"))).id for name in names]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    async def command(*arguments: str) -> tuple[int, str, str]:
        status = await to_thread.run_sync(main, ["files", *arguments])
        return status, *capsys.readouterr()

    return command


async def test_the_command_lists_what_lies_there_and_deletes_it(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    async with account(monkeypatch, "bailian-mcp-0a1b2c3d.txt", "another's\x1b[31m.md", "third.md") as ids:
        status, table, _ = await run()
        one = await run("--delete", ids[1], "file-fe-none")
        ours = await run("--delete-ours")
        left = await run()

    assert status == 0
    assert re.search(rf"{ids[0]}  bailian-mcp-0a1b2c3d\.txt  +file-extract  0\.000  2026-09-2\d", table)
    assert "another's?[31m.md" in table
    assert "3 files, 0.0 MB; 1 of them are this program's (bailian-mcp-...). They never expire" in table
    assert one[:2] == (1, "1 of 2 files are deleted.\n")
    assert "file-fe-none: " in one[2]
    assert ours[:2] == (0, "1 of 1 files are deleted.\n")
    assert ids[2] in left[1]
    assert ids[0] not in left[1]


async def test_the_command_says_when_nothing_lies_there(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    async with account(monkeypatch):
        assert await run() == (0, "No file lies at DashScope.\n", "")


@pytest.mark.parametrize(
    ("environment", "status", "says"),
    [
        ({}, 1, "No DashScope API key is set"),
        ({"DASHSCOPE_BASE_URL": "https://llm.example/v1"}, 2, "Only DashScope itself keeps files"),
        ({"DASHSCOPE_BASE_URL": "http://dashscope.aliyuncs.com"}, 2, "DASHSCOPE_BASE_URL"),
    ],
)
async def test_the_command_says_why_it_cannot(
    monkeypatch: pytest.MonkeyPatch, run: Any, environment: dict[str, str], status: int, says: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    given, out, error = await run()
    assert (given, out) == (status, "")
    assert says in error
