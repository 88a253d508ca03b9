"""What becomes of an image before it is sent: upright, opaque, legal, no larger than it helps, never a bomb.

Most cases are put to what draws, without the process it draws in: a hundredth of the time. That a picture, a size and a
refusal come out of that process is asked of a file that was opened as the server opens it.
"""

import contextlib
import os
import random
import struct
import zlib
from collections.abc import Awaitable, Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import anyio
import pytest
from bailian_mcp.server.files import MAX_INLINE_BYTES, ImageFile, Picture, Renderer, open_input
from bailian_mcp.server.files.rendering.image_pages import ImagePages
from bailian_mcp.server.files.rendering.limits import RenderRefusal
from mcp.server.mcpserver.exceptions import ToolError
from papers import PATENT, drawn, saved, turned
from PIL import Image, ImageDraw

OCR = 8_388_608
T = TypeVar("T")
PAGE = drawn(*PATENT)


def asked(content: bytes, what: Callable[[ImageFile], Awaitable[T]]) -> T:
    """What a file of that content answers."""

    async def ask() -> T:
        with TemporaryDirectory() as folder:
            path = Path(folder).resolve() / "x"
            path.write_bytes(content)
            async with open_input(str(path), (path.parent,)) as found:
                assert isinstance(found, ImageFile)
                return await what(found)

    return anyio.run(ask)


def made(content: bytes) -> tuple[Picture, Image.Image]:
    header, drawn = ImagePages(content).picture(1, OCR)
    picture = Picture(
        header["mime"],
        content if header.get("as_it_is") else drawn,
        sent=header["sent"],
        shown=header["shown"],
        blank=header["blank"],
        frames=header["frames"],
    )
    return picture, Image.open(BytesIO(picture.content))


def darkness(image: Image.Image) -> float:
    grey = image.convert("L").resize((90, 40)).tobytes()
    return sum(255 - level for level in grey) / len(grey)


def alike(one: Image.Image, other: Image.Image) -> bool:
    small = [each.convert("L").resize((90, 40)).tobytes() for each in (one, other)]
    return max(abs(a - b) for a, b in zip(*small, strict=True)) < 40


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
def test_a_legal_image_is_sent_as_it_is(kind: str) -> None:
    content = saved(PAGE, kind)
    picture = asked(content, lambda file: file.picture(1, OCR))

    assert picture.content == content
    assert (picture.mime, picture.sent, picture.shown) == (f"image/{kind.lower()}", (900, 400), (900, 400))
    assert not picture.blank


@pytest.mark.parametrize(("kind", "mime"), [("GIF", "image/png"), ("AVIF", "image/jpeg")])
def test_a_kind_that_dashscope_does_not_take_is_converted(kind: str, mime: str) -> None:
    picture, image = made(saved(PAGE, kind))

    assert (picture.mime, image.size) == (mime, (900, 400))
    assert darkness(image) == pytest.approx(darkness(PAGE), abs=2)


def test_heic_is_handed_on_unread() -> None:
    content = b"\0\0\0\x18ftypheic" + os.urandom(100)
    picture = asked(content, lambda file: file.picture(1, OCR))

    assert (picture.content, picture.mime, picture.sent, picture.shown) == (content, "image/heic", None, None)
    assert asked(content, lambda file: file.sizes([1], OCR)) == [None]
    with pytest.raises(ToolError, match=r"x has 7.60 MB; of HEIC 7.5 MB are sent. Save it as JPEG."):
        asked(content.ljust(7_600_000), lambda file: file.picture(1, OCR))


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_photo_is_turned_as_people_see_it(orientation: int, kind: str) -> None:
    picture, image = made(turned(PAGE, orientation, kind))

    assert picture.shown == image.size == (900, 400)
    assert image.getexif().get(0x0112, 1) == 1
    assert alike(PAGE, image)


def test_a_turned_photo_that_is_too_large_is_turned_and_shrunk() -> None:
    picture, image = made(turned(drawn(*PATENT, size=(3700, 2300)), 6))

    assert picture.shown == (3700, 2300)
    assert picture.sent == image.size
    assert image.width * image.height <= OCR
    assert image.width > image.height


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_black_letters_on_nothing_are_put_on_white(mode: str) -> None:
    clear = Image.new("RGBA", PAGE.size, (0, 0, 0, 0))
    clear.paste(PAGE.convert("RGBA"), mask=PAGE.convert("L").point(lambda level: 255 - level))
    content = saved(clear.quantize(8)) if mode == "P" else saved(clear.convert(mode))
    picture, image = made(content)

    assert (picture.mime, image.mode) == ("image/png", "RGB")
    assert image.getpixel((5, 5)) == (255, 255, 255)


def test_white_letters_on_nothing_are_put_on_black() -> None:
    clear = Image.new("RGBA", PAGE.size, (0, 0, 0, 0))
    clear.paste((255, 255, 255, 255), mask=PAGE.convert("L").point(lambda level: 255 - level))
    picture, image = made(saved(clear))

    assert not picture.blank
    assert image.getpixel((5, 5)) == (0, 0, 0)


def test_light_boxes_and_dark_writing_on_nothing_are_put_on_white() -> None:
    """A figure: its boxes are most of the ink, and the writing beside them would be lost on black."""
    figure = Image.new("RGBA", (900, 400), (0, 0, 0, 0))
    pen = ImageDraw.Draw(figure)
    for left in (20, 320, 620):
        pen.rectangle((left, 20, left + 250, 300), fill=(250, 240, 220, 255))
    pen.text((30, 330), "Figure 1: 86", fill=(20, 20, 20, 255), font_size=40)
    _, image = made(saved(figure))

    assert image.getpixel((5, 395)) == (255, 255, 255)
    assert darkness(image.crop((0, 310, 900, 400))) > 1


def test_an_image_that_is_transparent_everywhere_is_opaque() -> None:
    """32-bit BMPs of some programs leave that byte at 0."""
    page = PAGE.convert("RGBA")
    page.putalpha(0)
    picture, image = made(saved(page))

    assert not picture.blank
    assert darkness(image) == pytest.approx(darkness(PAGE), abs=1)


def test_red_on_green_of_the_same_grey_is_not_blank() -> None:
    signs = Image.new("RGB", (200, 100), (0, 130, 0))
    ImageDraw.Draw(signs).rectangle((50, 20, 150, 80), fill=(255, 0, 0))
    picture, image = made(saved(signs))

    low, high = image.convert("L").getextrema()
    assert high - low < 8
    assert not picture.blank


@pytest.mark.parametrize("most", [1_023, 4_095, 65_535])
def test_16_bits_that_use_a_part_of_their_range_are_stretched(most: int) -> None:
    scan = PAGE.convert("L").point(lambda level: level * most // 255, "I").convert("I;16")
    picture, image = made(saved(scan))

    assert (picture.mime, picture.blank) == ("image/png", False)
    assert darkness(image) == pytest.approx(darkness(PAGE), abs=3)


def of_16_bits(*images: Image.Image, order: str, negative: bool = False, turn: int = 1) -> bytes:
    """A TIFF of grey pages, its high byte first (`>`) or last."""
    out, link = bytearray((b"MM" if order == ">" else b"II") + struct.pack(order + "HI", 42, 0)), 4
    for image in images:
        levels = [257 * (255 - level if negative else level) for level in image.convert("L").tobytes()]
        place, size = len(out), 2 * len(levels)
        out += struct.pack(f"{order}{len(levels)}H", *levels)
        tags = {256: image.width, 257: image.height, 258: 16, 259: 1, 262: 0 if negative else 1, 273: place, 274: turn, 277: 1, 278: image.height, 279: size}  # fmt: skip
        struct.pack_into(order + "I", out, link, len(out))
        out += struct.pack(order + "H", len(tags))
        for tag, value in tags.items():
            short = tag not in (273, 279)
            out += struct.pack(
                order + ("HHIHH" if short else "HHII"), tag, 3 if short else 4, 1, *((value, 0) if short else (value,))
            )
        link = len(out)
        out += struct.pack(order + "I", 0)
    return bytes(out)


@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize("order", "<>")
def test_16_bits_of_a_tiff_are_read_with_either_byte_first(order: str, negative: bool) -> None:
    """Of several pages, too, turned or large."""
    pages = ImagePages(of_16_bits(drawn("1"), PAGE, order=order, negative=negative))
    header, content = pages.picture(2, OCR)
    _, small = pages.picture(2, 90_000)
    _, turned_back = ImagePages(
        of_16_bits(PAGE.rotate(90, expand=True), order=order, negative=negative, turn=6)
    ).picture(1, OCR)

    assert (pages.count, header["shown"], header["blank"]) == (2, (900, 400), False)
    for made_of_it in (content, small, turned_back):
        assert darkness(Image.open(BytesIO(made_of_it))) == pytest.approx(darkness(PAGE), abs=3)
    assert alike(Image.open(BytesIO(turned_back)), PAGE)


def test_a_tiff_of_16_bits_arrives_in_tiles() -> None:
    pages = ImagePages(of_16_bits(drawn(*PATENT, size=(900, 5000)), order=">"))

    assert len(pages.tiles(1, 1_000_000).rows) > 1
    assert not pages.picture(1, 1_000_000, tile=1)[0]["blank"]


def test_a_fax_has_square_dots_again() -> None:
    picture, image = made(saved(drawn(*PATENT, size=(1728, 1100)), "TIFF", dpi=(204, 98)))

    assert picture.shown == image.size == (1728, 2290)


def test_a_moving_picture_says_how_many_frames_it_has() -> None:
    moving = saved(drawn("1"), "GIF", save_all=True, append_images=[drawn("2"), drawn("3")])

    assert made(moving)[0].frames == 3
    assert made(saved(drawn("1")))[0].frames == 1


def test_cmyk_is_made_plain() -> None:
    picture, image = made(saved(PAGE.convert("CMYK"), "JPEG"))

    assert (picture.mime, image.mode) == ("image/jpeg", "RGB")


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "I;16", "YCbCr"])
def test_ink_stays_ink_in_every_mode(mode: str) -> None:
    large = drawn(*PATENT, size=(3700, 2300))
    other = (
        large.convert("L").point(lambda level: level * 257, "I").convert("I;16")
        if mode == "I;16"
        else large.convert(mode)
    )
    _, image = made(saved(other, "TIFF"))

    assert image.width * image.height <= OCR
    assert darkness(image) == pytest.approx(darkness(large), abs=3)


def test_a_kind_that_is_legal_up_to_4k_only_is_converted_beyond() -> None:
    picture, _ = made(saved(drawn("1", size=(4000, 2000)), "WEBP"))

    assert (picture.mime, picture.sent) == ("image/jpeg", (4000, 2000))


def test_a_png_of_noise_that_is_too_heavy_becomes_a_jpeg() -> None:
    noise = Image.frombytes("RGB", (1600, 1600), os.urandom(1600 * 1600 * 3))
    content = saved(noise, compress_level=0)
    picture, image = made(content)

    assert len(content) > MAX_INLINE_BYTES
    assert (picture.mime, image.size) == ("image/jpeg", (1600, 1600))
    assert len(picture.content) <= MAX_INLINE_BYTES


def test_a_large_photo_is_decoded_at_a_fraction_of_its_size() -> None:
    picture, image = made(saved(drawn(*PATENT, size=(9000, 8000), mode="L"), "JPEG"))

    assert picture.shown == (9000, 8000)
    assert image.width * image.height <= OCR


def png_of(width: int, height: int, kind: int = 2) -> bytes:
    """A PNG that is small and promises that many pixels."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, kind, 0, 0, 0])
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big") for name, data in chunks
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (png_of(60_000, 60_000), "would unpack to 3,600 megapixels; 40 are read of such a file. Shrink it first."),
        (png_of(20_000, 20_000, 0), "would unpack to 400 megapixels; 160 are read"),
        (png_of(7_000, 7_000), "would unpack to 49 megapixels; 40 are read"),
        (png_of(100, 100), "cut off|broken"),
        (b"BM" + (2**31 - 1).to_bytes(4, "little") + bytes(4) + b"\xff" * 60, "cut off|broken"),
        (b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\xff" * 60, "cut off|broken"),
        (b"\xff\xd8\xff\xe1\xff\xffExif\0\0" + b"\xff" * 200, "cut off|broken"),
    ],
)
def test_bombs_and_forgeries_are_refused(content: bytes, says: str) -> None:
    with pytest.raises(RenderRefusal, match=says):
        made(content)


def test_a_bomb_is_refused_by_its_name() -> None:
    with pytest.raises(ToolError, match=r"^x would unpack to 49 megapixels; 40 are read"):
        asked(png_of(7_000, 7_000), lambda file: file.picture(1, OCR))


def test_a_jpeg_of_too_many_pixels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(saved(drawn("1", size=(64, 64)), "JPEG"))
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = (60_000).to_bytes(2, "big") * 2
    with pytest.raises(RenderRefusal, match="would unpack to 3,600 megapixels; 120 are read"):
        made(bytes(content))


@pytest.mark.parametrize("cut", [20, 1000])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "AVIF"])
def test_a_file_that_was_cut_off_is_told(kind: str, cut: int) -> None:
    content = saved(PAGE, kind)[:cut]

    with pytest.raises(RenderRefusal, match=r"Save|Convert"):
        made(content)


def test_a_damaged_file_is_read_or_told_never_a_crash() -> None:
    told = [seed for seed in range(12) if not read_although_damaged(seed)]

    assert 0 < len(told) < 12


def read_although_damaged(seed: int) -> bool:
    """Whether an image is still read with twenty of its bytes changed; if not, it is told and nothing else.

    In the process that draws: it is there for what may crash.
    """
    dice = random.Random(seed)
    content = bytearray(saved(PAGE, dice.choice(["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"])))
    for _ in range(20):
        content[dice.randrange(8, len(content))] = dice.randrange(256)
    with contextlib.suppress(ToolError):
        asked(bytes(content), lambda file: file.picture(1, OCR))
        return True
    return False


def test_a_blank_image_is_known_by_its_levels() -> None:
    faint = Image.new("RGB", (400, 400), "white")
    faint.paste((230, 230, 230), (100, 100, 120, 110))

    assert made(saved(Image.new("RGB", (400, 400), "white")))[0].blank
    assert not made(saved(faint))[0].blank


def test_the_size_that_will_be_sent_is_known_before() -> None:
    large = saved(drawn(size=(6000, 4000)), "JPEG")

    assert asked(large, lambda file: file.sizes([1], OCR)) == [(3547, 2364)]


def test_a_photo_with_another_beside_it_is_a_jpeg() -> None:
    picture, image = made(
        saved(drawn(*PATENT, size=(9000, 6000), mode="L"), "MPO", save_all=True, append_images=[PAGE])
    )

    assert picture.shown == (9000, 6000)
    assert image.width * image.height <= OCR


def test_a_fax_that_was_cut_off_is_told() -> None:
    sheets = [drawn(f"{n}", size=(600, 800), mode="1") for n in range(5)]
    content = saved(sheets[0], "TIFF", save_all=True, append_images=sheets[1:])

    with pytest.raises(ToolError, match=r"x .*(broken|cut off)"):
        asked(content[: len(content) // 2], lambda file: file.picture(1, OCR))


def test_a_later_page_without_a_width_costs_itself_alone() -> None:
    content = bytearray(saved(PAGE, "TIFF", save_all=True, append_images=[PAGE]))
    at = content.rindex(struct.pack("<HHI", 256, 4, 1)) + 8  # the entry's number, its kind, one value
    content[at : at + 4] = bytes(4)

    assert asked(bytes(content), lambda file: file.sizes([1, 2], OCR))[0] == PAGE.size
    assert asked(bytes(content), lambda file: file.tiles(1, OCR)) == (1, 1)
    with pytest.raises(ToolError, match="Page 2 of x is"):
        asked(bytes(content), lambda file: file.picture(2, OCR))


def test_a_later_page_that_would_unpack_to_too_much_is_refused_by_its_size() -> None:
    content = bytearray(saved(PAGE, "TIFF", save_all=True, append_images=[PAGE]))
    for entry in (256, 257):
        at = content.rindex(struct.pack("<HHI", entry, 4, 1)) + 8
        content[at : at + 4] = struct.pack("<I", 60_000)

    with pytest.raises(ToolError, match="Page 2 of x would unpack to 3,600 megapixels"):
        asked(bytes(content), lambda file: file.picture(2, OCR))


def test_frames_without_end_are_refused() -> None:
    """Each directory of a TIFF names the next: 1,200 of them, all alike."""
    entries = [
        (256, 3, 1, 20),
        (257, 3, 1, 20),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 3, 1, 20),
        (279, 4, 1, 400),
    ]
    start, size = 8 + 400, 2 + 12 * len(entries) + 4
    out = b"II*\0" + start.to_bytes(4, "little") + bytes(400)
    for number in range(1_200):
        out += len(entries).to_bytes(2, "little")
        out += b"".join(struct.pack("<HHII", *entry) for entry in entries)
        out += (start + size * (number + 1) if number < 1_199 else 0).to_bytes(4, "little")

    with pytest.raises(ToolError, match=r"x has more than 1,000 pages. Split it."):
        asked(out, lambda file: file.picture(1, OCR))


def test_a_jpeg_of_thousands_of_scans_is_given_up_and_stops_nothing() -> None:
    """Each scan says nothing, and costs a pass over the picture."""
    content = saved(drawn("1", size=(6000, 6000), mode="L"), "JPEG", progressive=True)
    scan = b"\xff\xda\0\x08\x01\x01\0\x01\x3f\0" + b"\0" * 4
    hostile = content[:-2] + scan * 100_000 + b"\xff\xd9"

    async def ask() -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder).resolve()
            (path / "hostile").write_bytes(hostile)
            (path / "honest").write_bytes(saved(PAGE))
            with anyio.move_on_after(1):
                async with open_input(str(path / "hostile"), (path,), Renderer(timeout_s=30)) as found:
                    await found.picture(1, OCR)  # type: ignore[union-attr]
            with anyio.fail_after(5):
                async with open_input(str(path / "honest"), (path,)) as found:
                    assert (await found.picture(1, OCR)).sent == (900, 400)  # type: ignore[union-attr]

    anyio.run(ask)


@pytest.mark.parametrize("turn", [6, 8])
def test_a_fax_that_lies_on_its_side_has_square_dots_too(turn: int) -> None:
    fax = saved(drawn(*PATENT, size=(1728, 1100)), "TIFF", dpi=(204, 98), tiffinfo={0x0112: turn})
    picture, image = made(fax)

    assert image.size == picture.shown == (round(1100 * 204 / 98), 1728)


@pytest.mark.parametrize("odd", [None, float("nan"), float("inf"), float("-inf")])
def test_grey_in_floats_of_any_range_is_stretched(odd: float | None) -> None:
    levels = PAGE.convert("F").point(lambda level: level * (1 / 255))
    if odd is not None:
        levels.putpixel((0, 0), odd)
    picture, image = made(saved(levels, "TIFF"))

    assert not picture.blank
    assert darkness(image) == pytest.approx(darkness(PAGE), abs=2)
