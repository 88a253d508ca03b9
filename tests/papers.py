"""Papers that tests put before the server: real images and PDFs, drawn here."""

import base64
import zlib
from collections.abc import Callable, Sequence
from ctypes import c_ubyte
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image, ImageDraw, ImageFont

FONT = Path(__file__).parent / "fonts" / "wqy-microhei-subset.ttf"
A4_PT = (595, 842)
A6_PT = (298, 420)  # a quarter of A4: where the size does not matter, a page is drawn in a quarter of the time
PATENT = (
    "说明书",
    "一种芯片散热装置，包括基座、散热翅片和风扇。",
    "申请人：杭州某某科技有限公司",
    "发明人：张三；李四 申请日：2024-03-05",
    "The West Lake is in Hangzhou, 12,345.67 square metres.",
)


def drawn(*lines: str, size: tuple[int, int] = (900, 400), mode: str = "RGB") -> Image.Image:
    """Lines of black text on white."""
    image = Image.new("RGB", size, "white")
    font = ImageFont.truetype(FONT, 32)
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text((30, 30 + 50 * number), line, font=font, fill="black")
    return image.convert(mode)


def table(rows: Sequence[Sequence[str]]) -> Image.Image:
    image = drawn(size=(900, 80 + 60 * len(rows)))
    pen, font = ImageDraw.Draw(image), ImageFont.truetype(FONT, 28)
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            pen.rectangle((30 + 260 * x, 30 + 60 * y, 290 + 260 * x, 90 + 60 * y), outline="black", width=2)
            pen.text((45 + 260 * x, 42 + 60 * y), cell, font=font, fill="black")
    return image


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    content = BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def turned(image: Image.Image, orientation: int, kind: str = "JPEG") -> bytes:
    """The image as a camera held so would store it: its EXIF says how to show it."""
    back = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(image.transpose(back[orientation]), kind, exif=exif)


def pdf(pages: Sequence[Sequence[str]], *, size_pt: Callable[[int], tuple[float, float]] = lambda _: A4_PT) -> bytes:
    """Pages with a text layer, in a font that they carry with them. A page without lines is blank."""
    raw, document = pypdfium2.raw, pypdfium2.PdfDocument.new()
    content = FONT.read_bytes()
    font = raw.FPDFText_LoadFont(document, (c_ubyte * len(content))(*content), len(content), raw.FPDF_FONT_TRUETYPE, 1)
    for count, lines in enumerate(pages, 1):
        width, height = size_pt(count)
        page = document.new_page(width, height)
        for number, line in enumerate(lines):
            _write(document, page, font, line, height - 60 - 24 * number)
        page.gen_content()
        page.close()
    return _bytes_of(document)


def numbered(count: int, *lines: str) -> bytes:
    """A PDF whose pages can be told apart: each is a point higher than the one before. See `number_of`."""
    pages = [lines or (f"{n}",) for n in range(1, count + 1)]
    return pdf(pages, size_pt=lambda n: (A6_PT[0], A6_PT[1] + n))


def number_of(picture: Image.Image) -> int:
    """Which page of `numbered` was drawn."""
    return round(picture.height * 72 / 200 - A6_PT[1])


def scan(images: Sequence[Image.Image], *, size_pt: tuple[float, float] = A4_PT) -> bytes:
    """Pages that are nothing but pictures: no text layer. A picture that comes again is encoded once: it is slow."""
    document = pypdfium2.PdfDocument.new()
    sheets = {key: _sheet(image, size_pt) for key, image in {id(image): image for image in images}.items()}
    for image in images:
        document.import_pages(sheets[id(image)])
    return _bytes_of(document)


def _sheet(image: Image.Image, size_pt: tuple[float, float]) -> pypdfium2.PdfDocument:
    document = pypdfium2.PdfDocument.new()
    page = document.new_page(*size_pt)
    picture = pypdfium2.PdfImage.new(document)
    bitmap = pypdfium2.PdfBitmap.from_pil(image.convert("RGB"))
    picture.set_bitmap(bitmap)
    picture.set_matrix(pypdfium2.PdfMatrix().scale(*size_pt))
    page.insert_obj(picture)
    page.gen_content()
    bitmap.close()
    page.close()
    return pypdfium2.PdfDocument(_bytes_of(document))


def joined(*contents: bytes) -> bytes:
    document = pypdfium2.PdfDocument.new()
    for content in contents:
        document.import_pages(pypdfium2.PdfDocument(content))
    return _bytes_of(document)


def locked(content: bytes, password: str) -> bytes:
    """The PDF, to be opened with a password only."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(BytesIO(content)))
    writer.encrypt(password, algorithm="RC4-128")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def image_of(body: dict[str, Any]) -> Image.Image:
    """The picture that was sent."""
    content = body["input"]["messages"][0]["content"] if "input" in body else body["messages"][0]["content"]
    url = next(part.get("image") or part["image_url"]["url"] for part in content if "text" not in part)
    return Image.open(BytesIO(base64.b64decode(url.partition(",")[2])))


def _write(document: Any, page: Any, font: Any, line: str, y: float) -> None:
    raw = pypdfium2.raw
    text = raw.FPDFPageObj_CreateTextObj(document, font, 14)
    wide = f"{line}\0".encode("utf-16-le")
    raw.FPDFText_SetText(text, (raw.FPDF_WCHAR * (len(wide) // 2)).from_buffer_copy(wide))
    raw.FPDFPageObj_Transform(text, 1, 0, 0, 1, 50, y)
    raw.FPDFPage_InsertObject(page, text)


def _bytes_of(document: Any) -> bytes:
    out = BytesIO()
    document.save(out)
    document.close()
    return out.getvalue()


# --- hostile ones ---


def written(*objects: bytes) -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalog."""
    out, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)


def streamed(content: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(content), entries, content)


def one_page(content: bytes, entries: bytes = b"", *, count: int = 1) -> bytes:
    """One page that draws `content`; the tree says there are `count`."""
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] %b /Contents 4 0 R /Resources << >> >>" % entries
    tree = b"<< /Type /Pages /Kids [3 0 R] /Count %d >>" % count
    return written(b"<< /Type /Catalog /Pages 2 0 R >>", tree, page, streamed(content))


def one_hostile_page(content: bytes, *more: bytes, resources: bytes = b"", box: bytes = b"0 0 595 842") -> bytes:
    """Its first page draws `content`; the second is an honest one."""
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [%b] /Contents %d 0 R /Resources << %b >> >>"
    return written(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
        page % (box, 5, resources),
        page % (b"0 0 595 842", 6, b""),
        content,
        streamed(b"100 100 m 300 300 l 100 300 l h f"),
        *more,
    )


def forms_within_forms() -> bytes:
    """Ten times ten times ten ...: a page of a few thousand bytes that is never done."""
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 595 842]"
    inner = b" /Resources << /XObject << /F %d 0 R >> >>"
    forms = [streamed(b"/F Do " * 10, form + inner % (8 + depth)) for depth in range(19)]
    last = streamed(b"0 0 m 100 100 l S", form)
    return one_hostile_page(streamed(b"/F Do"), *forms, last, resources=b"/XObject << /F 7 0 R >>")


def tiles_without_end() -> bytes:
    """A pattern of ten thousand tiles to the point."""
    tile = b"/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 1 1] /XStep 0.01 /YStep 0.01 /Resources << >>"
    fill = streamed(b"/Pattern cs /P scn 0 0 595 842 re f")
    return one_hostile_page(fill, streamed(b"0 0 1 1 re f", tile), resources=b"/Pattern << /P 7 0 R >>")


def a_gigabyte_of_spaces() -> bytes:
    """A megabyte is deflated and repeated with the check sum of the whole: to deflate them all takes four seconds."""
    megabyte, whole, modulus = 1 << 20, 1 << 30, 65_521
    deflate = zlib.compressobj(wbits=-15)
    piece = deflate.compress(b" " * megabyte) + deflate.flush(zlib.Z_FULL_FLUSH)
    low, high = (1 + 32 * whole) % modulus, (whole + 32 * whole * (whole + 1) // 2) % modulus  # Adler-32
    deflated = b"x\x9c" + piece * (whole // megabyte) + deflate.flush() + (high << 16 | low).to_bytes(4, "big")
    return one_hostile_page(streamed(deflated, b"/Filter /FlateDecode"))


# --- PDFs that name a font and do not carry it ---

ENCODINGS = {"GB1": "UniGB-UCS2-H", "CNS1": "UniCNS-UCS2-H", "Korea1": "UniKS-UCS2-H", "Japan1": "UniJIS-UCS2-H"}


def unembedded(font: str, order: str, text: str) -> bytes:
    """A page in an Asian font, as e-invoices are: the machine that shows it has to have that font."""
    kind = 0 if order == "Korea1" else 2
    described = f"/CIDSystemInfo<</Registry(Adobe)/Ordering({order})/Supplement 2>>/FontDescriptor 7 0 R/DW 1000"
    return _one_page(
        text.encode("utf-16-be"),
        f"<</Type/Font/Subtype/Type0/BaseFont/{font}/Encoding/{ENCODINGS[order]}/DescendantFonts[6 0 R]>>",
        f"<</Type/Font/Subtype/CIDFontType{kind}/BaseFont/{font}{described}>>",
        f"<</Type/FontDescriptor/FontName/{font}/Flags 6/FontBBox[0 -200 1000 900]/ItalicAngle 0/Ascent 880"
        "/Descent -120/CapHeight 700/StemV 80>>",
    )


def eight_bit(text: str, font: str = "Arial", state: str = "", at: str = "50 700 Td") -> bytes:
    """A page in an 8-bit font; `state`: a render mode or a colour; `at`: where the text stands, and how turned."""
    code_of = {letter: code for code, letter in enumerate(dict.fromkeys(text), 128)}
    codes = bytes(code_of[letter] for letter in text)
    names = " ".join(f"{code} /uni{ord(letter):04X}" for letter, code in code_of.items())
    widths = " ".join(["556"] * 256)
    return _one_page(
        codes,
        f"<</Type/Font/Subtype/TrueType/BaseFont/{font}/FirstChar 0/LastChar 255/Widths[{widths}]"
        f"/Encoding<</Type/Encoding/Differences[{names}]>>/FontDescriptor 6 0 R>>",
        f"<</Type/FontDescriptor/FontName/{font}/Flags 32/FontBBox[-665 -325 2000 1006]/ItalicAngle 0/Ascent 905"
        "/Descent -212/CapHeight 716/StemV 80>>",
        state=f"{state} {at}",
    )


def annotated(text: str, *annotations: str, fields: bool = True) -> bytes:
    """A page with a text, and with form fields or notes, which are told in PDF's own words."""
    numbers = [7 + place for place in range(len(annotations))]
    names = " ".join(f"{number} 0 R" for number in numbers)
    drawn = f"BT /F1 14 Tf 50 700 Td ({text}) Tj ET"
    form = f"/AcroForm<</Fields[{names}]/DR<</Font<</F1 5 0 R>>>>/DA(/F1 12 Tf 0 g)>>" if fields else ""
    return _joined_objects([
        f"<</Type/Catalog/Pages 2 0 R{form}>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>"
        f"/Annots[{names}]>>",
        f"<</Length {len(drawn)}>>\nstream\n{drawn}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        "<<>>",
        *(f"<</Type/Annot/Rect[50 {600 - 40 * place} 300 {620 - 40 * place}]{each}>>" for place, each in enumerate(annotations)),
    ])  # fmt: skip


def _one_page(codes: bytes, *font: str, state: str = "50 700 Td") -> bytes:
    drawn = f"BT /F1 24 Tf {state} <{codes.hex()}> Tj ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(drawn)}>>\nstream\n{drawn}\nendstream",
        *font,
    ]
    return _joined_objects(objects)


def _joined_objects(objects: Sequence[str]) -> bytes:
    body, places = "%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer\n<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{len(body)}\n%%EOF\n"
    return f"{body}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode("latin-1")


def cropped_away(content: bytes, number: int) -> bytes:
    """A page whose visible part lies outside of its paper."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import RectangleObject

    writer = PdfWriter(clone_from=PdfReader(BytesIO(content)))
    writer.pages[number - 1].cropbox = RectangleObject((1000, 1000, 1200, 1200))
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def with_a_broken_page(content: bytes, number: int) -> bytes:
    """The page tree says that the page is there, and nothing is."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import NullObject

    writer = PdfWriter(clone_from=PdfReader(BytesIO(content)))
    writer.root_object["/Pages"].get_object()["/Kids"][number - 1] = NullObject()
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def with_attached_files(content: bytes, *names: str) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(BytesIO(content)))
    for name in names:
        writer.add_attachment(name, b"<Invoice/>")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def stamped(image: Image.Image, line: str) -> bytes:
    """A scan under a line of text, as phone apps make them."""
    document = pypdfium2.PdfDocument(scan([image]))
    content = FONT.read_bytes()
    raw = pypdfium2.raw
    font = raw.FPDFText_LoadFont(document, (c_ubyte * len(content))(*content), len(content), raw.FPDF_FONT_TRUETYPE, 1)
    page = document[0]
    _write(document, page, font, line, 20)
    page.gen_content()
    page.close()
    return _bytes_of(document)


def pictured(*images: tuple[bytes, bytes], line: str = "", state: bytes = b"") -> bytes:
    """A page of images (what their dictionaries say, their bytes), one above the other, and a line of text under them."""
    names = b" ".join(b"/I%d %d 0 R" % (place, 6 + place) for place in range(len(images)))
    drawing = b"".join(b"q 200 0 0 150 50 %d cm /I%d Do Q " % (650 - 160 * at, at) for at in range(len(images)))
    text = b"BT /F1 14 Tf 50 30 Td (%b) Tj ET" % line.encode("latin-1")
    resources = b"/Resources << /Font << /F1 5 0 R >> /XObject << %b >> >>" % names
    return written(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R %b >>" % resources,
        streamed(state + drawing + text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *(streamed(content, b"/Type /XObject /Subtype /Image %b" % entries) for entries, content in images),
    )
