"""Local files: inside the allowed folders only, judged by content, bounded."""

import base64
import io
import os
import sys
import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import anyio
import pytest
from bailian_mcp.server.files import MAX_INLINE_BYTES, ImageFile, Link, OtherFile, open_input
from bailian_mcp.server.files.digests import digest
from bailian_mcp.server.files.renderer import MAX_DATA_URI_CHARS
from bailian_mcp.server.files.texts import decoded
from bailian_mcp.server.text import MAX_PRINTABLE_CHARS
from mcp.server.mcpserver.exceptions import ToolError
from PIL import Image

pytestmark = pytest.mark.anyio


def picture(kind: str = "PNG", width: int = 40, height: int = 30) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(content, kind)
    return content.getvalue()


async def url(source: str, *folders: Path) -> str:
    """What is sent of an image."""
    async with open_input(source, tuple(folder.resolve() for folder in folders)) as found:
        if isinstance(found, Link):
            return found.url
        if isinstance(found, OtherFile):
            found.text()
        assert isinstance(found, ImageFile)
        return (await found.picture(1, 8_388_608)).data_uri


async def refused(source: str, *folders: Path) -> str:
    with pytest.raises(ToolError) as caught:
        await url(source, *folders)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
async def test_a_file_is_sent_as_what_it_is_not_as_it_is_named(tmp_path: Path, kind: str) -> None:
    (tmp_path / "x.txt").write_bytes(picture(kind))

    sent = await url(str(tmp_path / "x.txt"), tmp_path)

    assert sent.startswith(f"data:image/{kind.lower()};base64,")
    assert base64.b64decode(sent.partition(",")[2]) == picture(kind)


async def test_a_link_inside_to_a_file_inside_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(picture())
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")

    assert (await url(str(tmp_path / "link.png"), tmp_path)).startswith("data:image/png")


@pytest.fixture
def fenced(tmp_path: Path) -> Path:
    """A folder `in` that is allowed, beside files that are not."""
    allowed = tmp_path / "in"
    allowed.mkdir()
    for secret in (tmp_path / "out.png", tmp_path / "in.png"):
        secret.write_bytes(picture())
    (tmp_path / "in-other").mkdir()
    (tmp_path / "in-other" / "a.png").write_bytes(picture())
    (allowed / "to-file.png").symlink_to(tmp_path / "out.png")
    (allowed / "to-folder").symlink_to(tmp_path)
    (allowed / "to-link").symlink_to(allowed / "to-file.png")
    (allowed / "loop").symlink_to("../in/to-folder")
    return allowed


@pytest.mark.parametrize(
    "escape",
    [
        "../out.png", "./../in.png", "../in-other/a.png", "to-file.png", "to-folder/out.png", "to-folder/in/../out.png",
        "../missing.png", "/etc/passwd", "/proc/self/environ", "~/.ssh/id_rsa", "file:///etc/passwd", "/", "..", "../",
        "sub/../../out.png", "to-folder/./out.png", "to-folder/in-other/a.png", "loop/out.png", "to-link", "../IN.png",
        "file://localhost/etc/passwd", "file:///etc/../etc/passwd", "file:/etc/passwd", "FILE:///etc/passwd",
        "file:///proc/self/root/etc/passwd", "/proc/self/root/etc/passwd", "/proc/self/fd/0", "/dev/zero", "/dev/stdin",
        "file:///%2Fetc%2Fpasswd", "//etc/passwd", "/etc//passwd", "/./etc/passwd", "~root/.bashrc",
    ],
)  # fmt: skip
async def test_every_way_out_is_refused_and_names_the_setting(fenced: Path, escape: str) -> None:
    source = escape if escape.lower().startswith(("/", "~", "file:")) else f"{fenced}/{escape}"
    said = await refused(source, fenced)

    assert "is outside the allowed folders" in said
    assert "BAILIAN_ALLOWED_DIRS" in said


async def test_a_relative_path_starts_from_an_allowed_folder_too(
    fenced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    (away / "here.png").write_bytes(picture())
    (fenced / "sub").mkdir(exist_ok=True)
    (fenced / "sub" / "contract.png").write_bytes(picture())
    monkeypatch.chdir(away)

    async with open_input("sub/contract.png", (fenced,)) as found:
        assert found.name == "contract.png"
    assert "is outside the allowed folders" in await refused("here.png", fenced)
    assert "is outside the allowed folders" in await refused("../away/here.png", fenced)
    missing = await refused("sub/gone.png", fenced)
    assert "gone.png cannot be read: No such file" in missing
    assert f"which starts from {away}, {fenced}" in missing


async def test_without_allowed_folders_every_path_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())

    assert "no folder is allowed" in await refused(str(tmp_path / "a.png"))


async def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()

    assert "not a regular file" in await refused(str(tmp_path / "pipe"), tmp_path)
    assert "folder is a folder. Give the path of a file in it" in await refused(str(tmp_path / "folder"), tmp_path)


async def test_a_missing_file_and_an_impossible_path_are_told(tmp_path: Path) -> None:
    assert "missing.png cannot be read: No such file" in await refused(str(tmp_path / "missing.png"), tmp_path)
    assert "cannot be read" in await refused(f"{tmp_path}/a\x00b", tmp_path)


async def test_a_file_of_thirty_megabytes_is_refused_with_its_size(tmp_path: Path) -> None:
    with (tmp_path / "big.png").open("wb") as big:
        big.truncate(30_000_000)

    assert "big.png has 30.00 MB" in await refused(str(tmp_path / "big.png"), tmp_path)


async def test_the_largest_file_fits_a_data_uri() -> None:
    assert len("data:image/webp;base64,") + (MAX_INLINE_BYTES + 2) // 3 * 4 <= MAX_DATA_URI_CHARS


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "x.png is empty (0 bytes). Check the file."),
        (b"\0\1\2\3", "x.png holds no text that can be read"),
        (picture()[:40], "x.png is broken and cannot be decoded. Save or copy it again."),
        (picture()[:60], "x.png is cut off and cannot be decoded. Save or copy it again."),
        (picture("JPEG", 400, 300)[:-200], "x.png is cut off and cannot be decoded. Save or copy it again."),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "x.png is broken and cannot be decoded. Save or copy it again."),
        (b"GIF89a" + b"\0" * 40, "x.png"),
        (b"II*\x00" + b"\xff" * 40, "x.png"),
    ],
)
async def test_what_is_no_whole_image_is_told_as_what_it_is(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "x.png").write_bytes(content)

    assert says in await refused(str(tmp_path / "x.png"), tmp_path)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000 image"),
        (b"8BPS\x00\x01", "a Photoshop file"),
        (b"\x00\x00\x01\x00\x01\x00", "an icon"),
        (b"II+\x00\x08\x00", "a BigTIFF image"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "a JPEG XL image"),
        (b"%!PS-Adobe-3.0", "a PostScript file"),
        (b"{\\rtf1", "an RTF document"),
    ],
)
async def test_a_kind_that_is_not_read_is_named(tmp_path: Path, head: bytes, kind: str) -> None:
    (tmp_path / "x.bin").write_bytes(head + bytes(64))

    assert f"x.bin is {kind}, which is not read. Save it as PNG, JPEG or PDF." in await refused(
        str(tmp_path / "x.bin"), tmp_path
    )


async def test_a_text_that_speaks_of_a_pdf_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# 格式\n\nA PDF begins with `%PDF-1.7`, then objects.\n", "utf-8")
    async with open_input(str(tmp_path / "notes.md"), (tmp_path.resolve(),)) as found:
        assert isinstance(found, OtherFile)
        assert "%PDF-1.7" in found.text()


async def test_a_name_with_a_sharp_is_found_by_its_file_url(tmp_path: Path) -> None:
    (tmp_path / "发票 #3?.png").write_bytes(picture())
    async with open_input(f"file://{tmp_path}/发票 #3?.png", (tmp_path.resolve(),)) as found:
        assert found.name == "发票 #3?.png"


@pytest.mark.parametrize(("width", "height"), [(10, 100), (100, 5), (2020, 11)])
async def test_sizes_dashscope_refuses_are_refused_here(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "x.png").write_bytes(picture(width=width, height=height))

    if max(width, height) > 200 * min(width, height) or min(width, height) <= 10:
        assert f"{width}x{height} px" in await refused(str(tmp_path / "x.png"), tmp_path)
    else:
        await url(str(tmp_path / "x.png"), tmp_path)


async def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    bomb = bytearray(picture())
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2  # a PNG header that promises 3.6 gigapixels
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(bomb)

    assert "bomb.png would unpack to 3,600 megapixels" in await refused(str(tmp_path / "bomb.png"), tmp_path)


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("data:image/png,plain", "This data URI does not say ;base64 before its comma."),
        ("data:image/png;base64", "This data URI has no comma, and nothing behind one."),
        ("data:;base64,AAAA", "This data URI names no media type such as image/png."),
        ("data:png;base64,AAAA", "This data URI names no media type such as image/png."),
        ("data:image/png;base64,A", "The base64 of this data URI is cut off, or lacks its last =."),
        ("data:image/png;base64,AA-_", "The base64 of this data URI holds characters that it does not have."),
        ("data:image/png;base64,", "This data URI holds nothing behind its comma."),
        ("data:text/plain;base64, ", "This data URI holds nothing behind its comma."),
        ("data:image/png;base64,AAEC", "says image/png, and what it holds is none: 3 bytes that begin with 00 01 02."),
        ("data:application/pdf;base64,AAEC", "This data URI says application/pdf, and what it holds is none: 3 bytes"),
    ],
)
async def test_a_data_uri_that_is_none_is_told_what_is_wrong_and_how_to_write_one(uri: str, says: str) -> None:
    told = await refused(uri)

    assert says in told
    assert "Write data:image/png;base64,... with the whole file in base64" in told


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("data:application/zip;base64,UEsDBAAA", "is an Office document or an archive"),
        ("data:image/x-photoshop;base64,OEJQUwAB", "is a Photoshop file, which is not read"),
        ("data:application/octet-stream;base64,AAEC", "holds no text that can be read"),
        ("data:image/png;base64," + "A" * (MAX_DATA_URI_CHARS + 4), "MB"),
    ],
)
async def test_a_bad_data_uri_is_refused(uri: str, says: str) -> None:
    assert says in await refused(uri)


@pytest.mark.parametrize(
    "address",
    [
        "localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.0.0.1.", "[::1]", "10.0.0.1", "192.168.1.1", "0.0.0.0",
        "169.254.169.254", "100.100.100.200", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "127.1",
        "127.0.1", "0x7f.0.0.0x1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[fe80::1%25eth0]", "[fd00::1]", "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]", "127。0。0。1", "①②⑦.⓪.⓪.①", "%31%32%37.0.0.1", "user@127.0.0.1", "example.com@10.0.0.1",
        "127.0.0.1:80", "router", "printer.local", "metadata.google.internal", "nas.lan", "224.0.0.1", "256.256.256.256", "1.2.3.4.5",
        "08.1.2.3", "99999999999", "127.0.0.\u00ad1", "127.0.0.1\u3002", "foo.lo\u00adcal", "a.lan%E3%80%82", "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]", "[64:ff9b:1::7f00:1]", "[fec0::1]", "localhost.localdomain", "x.svc", "x.test",
        "127.0.0.1%00.example.com",
    ],
)  # fmt: skip
async def test_addresses_dashscope_cannot_reach_are_refused(address: str) -> None:
    assert "Give a local path instead" in await refused(f"http://{address}/a.png")


@pytest.mark.parametrize("scheme", ["https", "http"])  # whether DashScope still takes http, its pages do not agree
async def test_a_public_url_is_handed_on_verbatim(scheme: str) -> None:
    assert await url(f"{scheme}://example.com/a b?c=d#e") == f"{scheme}://example.com/a b?c=d#e"


@pytest.mark.parametrize("scheme", ["oss://bucket/a.png", "ftp://host/a.png", "javascript:1"])
async def test_an_address_of_another_kind_is_refused(scheme: str) -> None:
    assert "Give an https URL, a data URI, or a path." in await refused(scheme)


async def test_an_empty_name_is_refused() -> None:
    assert "named by an empty text" in await refused(" ")


async def test_a_hostile_data_uri_costs_no_time() -> None:
    with anyio.fail_after(5):
        assert "does not have" in await refused("data:image/png;base64,A" + " " * 2_000_000 + "!")


@pytest.mark.parametrize("address", ["https:///a", "https://exa mple.com/a", "https://good.example\\@127.0.0.1/"])
async def test_an_address_without_a_host_is_refused(address: str) -> None:
    assert "names no host" in await refused(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "[2001:4860:4860::8888]", "0x08080808", "例子.中国", "a.b.example:8443"]
)
async def test_an_address_that_may_be_public_is_handed_on(address: str) -> None:
    assert await url(f"https://{address}/a.png") == f"https://{address}/a.png"


@pytest.mark.parametrize("url", ["http://[", "https://[::1", "file://["])
async def test_a_malformed_url_is_refused(url: str) -> None:
    assert "malformed" in await refused(url)


async def test_a_name_is_shown_without_what_could_hide_in_it(tmp_path: Path) -> None:
    said = await refused(f"{tmp_path}/a\x1b[31m\u202e{'x' * 500}", tmp_path)

    assert said.isprintable()
    assert len(said) < 300


BEFORE_OPENING: list[Callable[[str], None]] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    """The interpreter tells of each file at the moment before it is opened; a hook stays for good."""
    if event == "open" and BEFORE_OPENING and isinstance(arguments[0], str):
        BEFORE_OPENING[0](arguments[0])


@pytest.mark.skipif(sys.platform != "linux", reason="where an open file lies is read from /proc, which is Linux's own")
async def test_a_folder_swapped_for_a_link_while_a_file_is_opened_lets_nothing_out(tmp_path: Path) -> None:
    inside, outside = tmp_path / "allowed", tmp_path / "outside"
    for folder in (inside / "a", outside):
        folder.mkdir(parents=True)
        (folder / "x.txt").write_text(folder.name)

    def swap(path: str) -> None:
        """After the path was judged, before it is opened."""
        if path.endswith("x.txt"):
            BEFORE_OPENING.clear()
            (inside / "a").rename(inside / "b")
            (inside / "a").symlink_to(outside)

    sys.addaudithook(_hear)
    BEFORE_OPENING.append(swap)
    with pytest.raises(ToolError, match="outside the allowed folders"):
        async with open_input(str(inside / "a" / "x.txt"), (inside.resolve(),)):
            raise NotImplementedError

    assert BEFORE_OPENING == []  # it was swapped


@pytest.mark.parametrize("url", ["file://%2Fetc%2Fpasswd/%2e%2e/etc/passwd", "file://server/share/a.png"])
async def test_a_file_url_of_another_machine_is_no_path_here(fenced: Path, url: str) -> None:
    assert "names another machine" in await refused(url, fenced)


@pytest.mark.parametrize("name", ["a?", "a#", "a?b#", "100%", "a%2Fb", "a [1]"])
async def test_marks_of_urls_in_names_are_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("found", "utf-8")
    async with open_input(f"file://{tmp_path}/{name.replace('%2F', '%252F')}", (tmp_path.resolve(),)) as found:
        assert found.name == name


async def test_a_drive_is_no_other_machine(tmp_path: Path) -> None:
    assert "another machine" not in await refused("file://C:/papers/a.pdf", tmp_path)


async def test_a_blank_at_the_end_of_a_name_is_part_of_it_where_there_is_such_a_file(tmp_path: Path) -> None:
    for name in ("end.txt", "end.txt "):
        (tmp_path / name).write_text(repr(name))
    for named, text in (("end.txt ", "'end.txt '"), (" end.txt", "'end.txt'"), ("end.txt\n", "'end.txt'")):
        async with open_input(named, (tmp_path,)) as file:
            assert isinstance(file, OtherFile)
            assert file.text() == text
        assert await digest(named, (tmp_path,)) == sha256(text.encode()).hexdigest()


async def test_a_tilde_may_begin_a_name(tmp_path: Path) -> None:
    (tmp_path / "~$report.txt").write_text("x")

    async with open_input("~$report.txt", (tmp_path,)) as file:
        assert file.name == "~$report.txt"


def test_a_long_name_keeps_its_ending() -> None:
    link = Link(f"https://example.com/{'x' * 90}.pdf")

    assert link.is_pdf
    assert len(link.name) == MAX_PRINTABLE_CHARS


@pytest.mark.parametrize(
    ("text", "encoding", "readable"),
    [
        ("Gebühr für Müller: Prüfung geprüft, Größe 5", "cp1252", False),
        ("Le café crème coûte très cher à Genève", "cp1252", False),
        ("用Python写的程序，A和B，x和y都是变量", "gb18030", True),
        ("发明名称：散热装置 heat sink", "gb18030", True),
        ("n个，m个，k次", "utf-8", True),
    ],
)
def test_western_letters_are_not_taken_for_chinese(text: str, encoding: str, readable: bool) -> None:
    if readable:
        assert decoded(text.encode(encoding), "a.txt") == text
    else:
        with pytest.raises(ToolError, match="no text that can be read"):
            decoded(text.encode(encoding), "a.txt")


async def test_where_an_allowed_folder_does_not_exist_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    wrong = tmp_path / "a,b"

    assert f"There is no folder {wrong}: correct BAILIAN_ALLOWED_DIRS" in await refused(str(tmp_path / "a.png"), wrong)
