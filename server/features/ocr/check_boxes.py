"""Boxes to tick in a plain text, written in one way whichever mark a model chose: [x] and [ ].

□, ■ and ✓ stay, which are bullets and missing letters too; and so does a command inside a longer formula.
"""

import re

TICKED = r"\\(?:boxtimes|[Cc]heckedBox|XBox|(?:boxed|fbox)\{\s?(?:\\checkmark|\\times|[xX✓✔√])\s?\})"
UNTICKED = r"\\(?:[Ss]quare|Box|(?:boxed|fbox)\{(?:\s|~|\\quad|\\phantom\{[^{}]{0,20}\}){0,9}\})"


def _alone(command: str) -> str:
    return rf"\$\s?{command}\s?\$|\\\(\s?{command}\s?\\\)|(?<![^\s])(?<!\$){command}(?=[ \t]+[^\W\d_]{{2}})"


BOXES = {
    "[x]": re.compile(rf"[☑☒🗹🗷]|(?<=- )\[[X✓✔√]\](?= )|{_alone(TICKED)}"),
    "[ ]": re.compile(rf"☐|{_alone(UNTICKED)}"),
}


def with_check_boxes(text: str) -> str:
    for mark, written in BOXES.items():
        text = written.sub(mark, text)
    return text
