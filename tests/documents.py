"""Documents that tests put before the server: zips of XML, built by hand."""

import zipfile
from html import escape
from io import BytesIO

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:mc="urn:mc"'
SLIDE = 'xmlns:a="urn:a" xmlns:p="urn:p" xmlns:r="urn:r"'
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
DOCTYPE = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">'


def zipped(parts: dict[str, str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", method, compresslevel=1) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return content.getvalue()


def word(body: str, **parts: str) -> bytes:
    """A DOCX of that XML. `parts`: by their names, each of which is what it is to the document and a number."""
    return zipped(
        {
            "word/document.xml": f"<w:document {WORD}><w:body>{body}</w:body></w:document>",
            "word/_rels/document.xml.rels": relations(*parts),
            **{f"word/{name}.xml": part for name, part in parts.items()},
        }
    )


def relations(*names: str, folder: str = "") -> str:
    """To parts whose names are what they are and a number."""
    links = (
        f'<Relationship Id="r{n}" Type="{RELATION}/{name.rstrip("0123456789")}" Target="{folder}{name}.xml"/>'
        for n, name in enumerate(names)
    )
    return f'<Relationships xmlns="urn:x">{"".join(links)}</Relationships>'


def docx(*paragraphs: str) -> bytes:
    return word("".join(f"<w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p>" for text in paragraphs))


def word_elsewhere() -> bytes:
    """A DOCX whose document lies where few programs put it; where most do, there is what is no part of it."""
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    return zipped(
        {
            "_rels/.rels": relations("officeDocument2", folder="/doc/"),
            "[Content_Types].xml": f'<Types><Override PartName="/doc/officeDocument2.xml" ContentType="{main}"/></Types>',
            "doc/officeDocument2.xml": f"<w:document {WORD}><w:p><w:r><w:t>申请人：杭州</w:t></w:r></w:p></w:document>",
            "doc/_rels/officeDocument2.xml.rels": relations("footnotes3"),
            "doc/footnotes3.xml": f"<w:footnotes {WORD}><w:p><w:r><w:t>脚注</w:t></w:r></w:p></w:footnotes>",
            "word/document.xml": f"<w:document {WORD}><w:p><w:r><w:t>unrelated</w:t></w:r></w:p></w:document>",
        }
    )


def pptx(*slides: str, shapes: str = "", beside: str = "", diagram: str = "") -> bytes:
    """In the order of their ids, which is not that of their names. The first slide has more `shapes`, what its speaker
    has `beside` it, and a `diagram`.
    """
    more = {"notesSlide1": beside, "diagramData1": diagram}
    numbers = range(1, len(slides) + 1)
    ids = "".join(f'<p:sldId id="{255 + n}" r:id="r{n}"/>' for n in numbers)
    links = "".join(
        f'<Relationship Id="r{n}" Type="{RELATION}/slide" Target="slides/slide{len(slides) + 1 - n}.xml"/>'
        for n in numbers
    )
    return zipped(
        {
            "ppt/presentation.xml": f"<p:presentation {SLIDE}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": f'<Relationships xmlns="urn:x">{links}</Relationships>',
            **{
                f"ppt/slides/slide{len(slides) + 1 - n}.xml": f"<p:sld {SLIDE}><p:txBody><a:p><a:r><a:t>{escape(text)}</a:t>"
                f"</a:r></a:p></p:txBody>{shapes if n == 1 else ''}</p:sld>"
                for n, text in zip(numbers, slides, strict=True)
            },
            f"ppt/slides/_rels/slide{len(slides)}.xml.rels": relations(*more, folder="../more/"),
            **{f"ppt/more/{name}.xml": f"<p:x {SLIDE}>{part}</p:x>" for name, part in more.items()},
        }
    )


def epub(*chapters: str, more: str = "", again: int = 1) -> bytes:
    """Of the XHTML of each chapter's body. `more`: in the manifest; `again`: how often each chapter is listed."""
    numbers = range(len(chapters))
    items = "".join(f'<item id="c{n}" href="text/chapter%20{n}.xhtml"/>' for n in numbers) + more
    spine = "".join(f'<itemref idref="c{n}"/>' for n in numbers) * again
    pages = {
        f"OEBPS/text/chapter {n}.xhtml": f"{DOCTYPE}<html><head><title>not said</title></head><body>{body}</body></html>"
        for n, body in enumerate(chapters)
    }
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container xmlns="urn:c"><rootfile full-path="OEBPS/book.opf"/></container>',
            "OEBPS/book.opf": f'<package xmlns="urn:o"><manifest>{items}</manifest><spine>{spine}</spine></package>',
            **pages,
        }
    )


def xlsx(*more: str) -> bytes:
    """`more`: names of parts."""
    parts = dict.fromkeys(more, "x")
    return zipped({"xl/workbook.xml": "<workbook/>", "xl/worksheets/sheet1.xml": "<worksheet/>", **parts})


def mobi() -> bytes:
    return b"Book".ljust(60, b"\0") + b"BOOKMOBI" + bytes(100)
