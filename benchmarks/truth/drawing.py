"""A page as a picture, as printers and cameras give it: drawn with rows and rules, photographed, stamped."""

import re
from io import BytesIO
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from .marks import in_layer, unmarked
from .page import Block, Heading, Item, Page, Pairs, Paragraph, Table
from .printed import NARROW

FONT = Path(__file__).parents[2] / "server/files/rendering/fonts/wqy-microhei.ttf"
WIDTH, HEIGHT, MARGIN = 1_654, 2_339, 120  # A4 at 200 dots an inch
SIZES = {"en": 30, "zh": 32}  # of letters, in pixels: 11 points
INK = "black"
TURN_DEG, BLUR_PX, LOW_QUALITY = 7, 1.2, 40
LETTER = re.compile(r"[\u3000-\u9fff\uff00-\uffef]|[^\s\u3000-\u9fff\uff00-\uffef]+\s*|\s+")
BOXES = {None: "• ", True: "☑ ", False: "☐ "}  # before an item, by whether it is ticked
PHOTOGRAPHED = ("straight", "rotated 7 degrees", "blurred", "JPEG 40", "stamped")


class Sheet:
    """A page that is being drawn, from top to bottom."""

    def __init__(self, language: str) -> None:
        self.image = Image.new("RGB", (WIDTH, HEIGHT), "white")
        self.pen, self.y = ImageDraw.Draw(self.image), MARGIN
        self.size = SIZES.get(language, SIZES["en"])

    def text(self, text: str, x: int = MARGIN, scale: float = 1.0, room: int = WIDTH - 2 * MARGIN) -> None:
        """Wrapped between words, and between Chinese letters."""
        font = self.font(scale)
        for line in wrapped(text, font, room):
            self.pen.text((x, self.y), line, font=font, fill=INK)
            self.y += round(self.size * scale * 1.5)

    def font(self, scale: float = 1.0) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(FONT, round(self.size * scale), layout_engine=ImageFont.Layout.BASIC)

    def table(self, table: Table, ruled: bool) -> None:
        rows = [[plain(cell) for cell in row] for row in (table.head, *table.rows)]
        column = (WIDTH - 2 * MARGIN) // len(table.head)
        if table.caption:
            self.text(plain(table.caption))
        for row in rows:
            top, bottom = self.y, self.y
            for at, cell in enumerate(row):
                self.y = top + 8
                self.text(cell, MARGIN + at * column + 10, 0.9, column - 20)
                bottom = max(bottom, self.y)
            if ruled:
                for at in range(len(row)):
                    left = MARGIN + at * column
                    self.pen.rectangle((left, top, left + column, bottom), outline=INK, width=2)
            self.y = bottom


def drawn(page: Page, rng: Random) -> Image.Image:
    """As it was printed."""
    sheet = Sheet(page.language)
    sheet.text(plain(page.header), scale=0.8)
    ruled = rng.random() < 0.6
    for block in page.blocks:
        sheet.y += 14
        draw_block(sheet, block, ruled)
    sheet.y = max(sheet.y + 20, HEIGHT - MARGIN)
    sheet.text(plain(page.footer), scale=0.8)
    return sheet.image.crop((0, 0, WIDTH, max(HEIGHT, sheet.y + MARGIN // 2)))


def draw_block(sheet: Sheet, block: Block, ruled: bool) -> None:
    if isinstance(block, Heading):
        sheet.text(plain(block.text), scale=1.4)
    elif isinstance(block, Paragraph):
        sheet.text(plain(block.text))
    elif isinstance(block, Item):
        sheet.text(BOXES[block.ticked] + plain(block.text), MARGIN + 20, room=WIDTH - 2 * MARGIN - 20)
    elif isinstance(block, Pairs):
        for label, value in block.pairs:
            sheet.text(f"{plain(label)}: {plain(value)}")
    else:
        sheet.table(block, ruled)


def plain(text: str) -> str:
    return unmarked(in_layer(text)).replace(NARROW, " ")


def wrapped(text: str, font: ImageFont.FreeTypeFont, room: int) -> list[str]:
    lines, line = [], ""
    for piece in LETTER.findall(text):
        if line and font.getlength((line + piece).rstrip()) > room:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


def photographed(image: Image.Image, how: str, rng: Random) -> bytes:
    """As a file, after what `how` says was done to it: one of PHOTOGRAPHED."""
    if how == "rotated 7 degrees":
        turn = rng.choice([-TURN_DEG, TURN_DEG])
        image = image.rotate(turn, Image.Resampling.BICUBIC, expand=True, fillcolor=(236, 232, 224))
    if how == "blurred":
        image = image.filter(ImageFilter.GaussianBlur(BLUR_PX))
    if how == "stamped":
        image = stamped(image, rng)
    content = BytesIO()
    image.save(content, "JPEG", quality=LOW_QUALITY if how == "JPEG 40" else 90)
    return content.getvalue()


def stamped(image: Image.Image, rng: Random) -> Image.Image:
    """A round red seal over the text, as Chinese papers have it; its letters are not part of the reading."""
    seal = Image.new("RGBA", (420, 420))
    pen = ImageDraw.Draw(seal)
    pen.ellipse((10, 10, 410, 410), outline=(210, 30, 30, 150), width=10)
    pen.text((90, 180), "合同专用章", font=ImageFont.truetype(FONT, 48), fill=(210, 30, 30, 150))
    seal = seal.rotate(rng.uniform(-20, 20), Image.Resampling.BICUBIC)
    image = image.copy()
    image.paste(seal, (rng.randint(MARGIN, WIDTH - 600), rng.randint(400, 1_500)), seal)
    return image
