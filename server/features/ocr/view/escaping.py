"""Whatever was read on a page stays text: markup shows as it was read, and nothing hides or reorders it."""

import html

from ....text import visible


def escaped(text: str) -> str:
    return html.escape(visible(text))
