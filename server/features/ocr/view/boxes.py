"""The boxes over a picture, as an SVG whose units are the picture's pixels."""

from collections.abc import Iterator

from .escaping import escaped
from .viewed import PictureBox, SeenPicture, ViewedDifference, ViewedLine, ViewedPage

MIN_NUMBER_PX = 13.0  # of a number, on a picture that is shown as large as it is
LETTERS_ACROSS = 45  # a larger picture is shrunk to the width of a column


def boxes(page: ViewedPage, picture: SeenPicture, words: dict[str, str]) -> str:
    """Empty places have no box. Each box leads to its words; those are reached by the keyboard, and boxes from them."""
    size = max(MIN_NUMBER_PX, picture.width / LETTERS_ACROSS)
    drawn = [
        f'<svg class="boxes" viewBox="0 0 {picture.width} {picture.height}" preserveAspectRatio="none" role="group" '
        f'aria-label="{escaped(words["boxes"])}">',
        *(_line(f"p{page.number}", at, line) for at, line in enumerate(page.lines, 1)),
        *_differences(page, size, words),
        "</svg>",
    ]
    return "\n".join(drawn)


def _line(page: str, at: int, line: ViewedLine) -> str:
    return (
        f'<a class="line" id="{page}-l{at}" href="#{page}-t{at}" tabindex="-1"><title>{escaped(line.text)}</title>'
        f'<polygon class="box" points="{_points(line.corners)}"/></a>'
    )


def _differences(page: ViewedPage, size: float, words: dict[str, str]) -> Iterator[str]:
    for at, each in enumerate(page.differences, 1):
        if each.corners:
            yield _difference(f"p{page.number}", at, each, size, words)


def _difference(page: str, at: int, each: ViewedDifference, size: float, words: dict[str, str]) -> str:
    points = _points(each.corners)
    return (
        f'<a class="difference" id="{page}-d{at}" href="#{page}-i{at}" tabindex="-1">'
        f"<title>{escaped(_in_words(at, each, words))}</title>"
        f'<polygon class="halo" points="{points}"/><polygon class="box" points="{points}"/>'
        f"{_badge(at, each.corners, size)}</a>"
    )


def _in_words(at: int, each: ViewedDifference, words: dict[str, str]) -> str:
    sides = ((words["here"], each.here), (words["answer"], each.answer))
    said = "; ".join(f"{who}: {what or words['nothing']}" for who, what in sides)
    return f"{words['difference'].format(at)}: {said}"


def _badge(at: int, corners: PictureBox, size: float) -> str:
    """The number, on the box's upper left corner and never outside of the picture."""
    radius = size * (0.75 if at < 100 else 1.0)
    x = max(radius, min(x for x, _ in corners) - radius * 0.6)
    y = max(radius, min(y for _, y in corners) - radius * 0.6)
    return (
        f'<g class="badge"><circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.1f}">{at}</text></g>'
    )


def _points(corners: PictureBox) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
