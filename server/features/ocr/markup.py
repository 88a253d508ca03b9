"""What a reading says without its markup: HTML, LaTeX and Markdown become the plain text that a page shows."""

import html
import re

HTML_TAG = re.compile(r"<(?:/?[a-zA-Z][^<>]{0,500}|!--[^<>]{0,500}--)>")
POWER_TAG = re.compile(r"<sup\b[^<>]{0,80}>", re.IGNORECASE)
ROW_END = re.compile(r"</(?:tr|p|div|li|h[1-6])\s*>|<br\s*/?>", re.IGNORECASE)
PICTURE_LINK = re.compile(r"!\[([^\]\n]{0,200})\]\([^)\n]{0,500}\)")
# Numbers that set the type and are nowhere on the page
ARGUMENT, OPTION = r"\{[^{}\n]{0,200}\}", r"(?:\[[^\[\]\n]{0,100}\])?"
COLUMNS = r"\{(?:[^{}\n&]|\{[^{}\n]{0,40}\}){0,100}\}"
SETTING = re.compile(
    rf"\\begin\s?\{{(?:tabular|tabularx|tabulary|longtable|array|tabu)\*?\}}{OPTION}(?:\{{[\d.]*\\\w+\}})?(?:{COLUMNS})?"
    rf"|\\(?:begin|end)\s?{ARGUMENT}{OPTION}"
    rf"|\\(?:multicolumn|multirow\*?|rule|fontsize|setlength|setcounter|addtolength){OPTION}\s?{ARGUMENT}{OPTION}{ARGUMENT}"
    rf"|\\(?:cline|cmidrule|[hv]space\*?|includegraphics|documentclass|usepackage|geometry|label|ref|eqref|href|raisebox"
    rf"|color|textcolor|rowcolor|cellcolor|columncolor|pagestyle|cite)\s?(?:\([lr]{{1,2}}\))?{OPTION}\s?{ARGUMENT}"
    rf"|\\\\\s?\[[\d.]{{1,8}}\s?[a-z]{{2}}\]"
)
FRACTION = re.compile(
    r"\\(?:[dtcsx]|nice)?frac\s?\{\s?([^{}]{1,80}?)\s?\}\s?\{\s?([^{}]{1,80}?)\s?\}|\\[dt]?frac\s?(\d)\s?(\d)"
)
SLASHED_FRACTION = re.compile(r"\^\{?(\d{1,3})\}?(?:\\!)?/(?:\\!)?_\{?(\d{1,3})\}?")
EQUATION_TAG = re.compile(r"\\tag\*?\s?\{\s?(\w{1,8})\s?\}")
SIGNS = {
    "times": "×", "cdot": "·", "div": "÷", "pm": "±", "mu": "μ", "%": "%", "$": "$", "#": "#", "&": "&", "_": "_",
    "{": " ", "}": " ", "\\": "\n", "hline": "\n", "item": "\n", "circ": "°", "degree": "°", "ldots": "…",
    "textyen": "¥", "yen": "¥", "sim": "~", "minus": "-", "approx": "≈", "quad": "  ", "qquad": "  ", "square": "□",
    "textdollar": "$", "textpercent": "%", "permil": "‰", "perthousand": "‰", "slash": "/", "colon": ":",
    "textendash": "–", "textemdash": "—", "par": "\n", "textminus": "-", ",": "\u2009", ";": " ", " ": " ", "!": "",
    "(": " ", ")": " ", "[": "\n", "]": "\n",
}  # fmt: skip
COMMAND = re.compile(r"\\([a-zA-Z]{1,30}\*?|[^\w\s]|\s)")
MATH_MARK = re.compile(r"(?<!\\)\${1,2}")
GROUP_MARK = re.compile(r"\{([,.:\-−+])\}")
BRACES = re.compile(r"[{}]")
# Digits above and below a bar
FRACTION_TAGS = re.compile(
    r"<sup\b[^<>]{0,80}>\s?(\d{1,3})\s?</sup>\s?[/⁄]\s?(?:<sub\b[^<>]{0,80}>\s?(\d{1,3})\s?</sub>|(\d{1,3}))",
    re.IGNORECASE,
)
POWER = re.compile(r"\s?\^[\s{(]{0,3}([+\-−]?\s?\d)")
LONE_POWER = re.compile(r"\^(?![+-]?\d)")
LONE_INDEX = re.compile(r"(?<=[^\W_])_(?=[\s{]{0,2}\w)")
EMPHASIS = re.compile(r"(?<!\w)[*_~`]{1,3}(?=\S)|(?<=\S)[*_~`]{1,3}(?!\w)|\*\*")
SECTION = re.compile(r"\\(?:sub)*(?:section|chapter|item|paragraph|part)\b|\\begin\{(?:equation|align|enumerate)")
WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W\u3400-\u9fff\uf900-\ufaff]+")  # of Chinese each letter
WRAPPED_WORD = re.compile(r"(?<=[^\W\d])-\n(?=[^\W\d])")
WRAPPED_NUMBER = re.compile(r"(?<=\d)((?<![.,]\d\d)-|/)\n(?=\d)")  # an amount may end with its sign


def unwrapped(text: str) -> str:
    """With the words and numbers that a line's end has cut put together."""
    return WRAPPED_NUMBER.sub(r"\1", WRAPPED_WORD.sub("", text))


def without_marks(read: str) -> str:
    """What a reading says, its markup taken off. Linear in its length, whatever stands in it."""
    text = FRACTION_TAGS.sub(r" \1/\2\3", PICTURE_LINK.sub(r"\1", read))
    text = POWER_TAG.sub("^", text)
    text = html.unescape(HTML_TAG.sub(" ", ROW_END.sub("\n", text)))
    if "\\" in text or "$" in text:
        text = LONE_INDEX.sub("", _without_latex(text))
    text = POWER.sub(_power, text)
    return EMPHASIS.sub("", LONE_POWER.sub("", text))


def _without_latex(text: str) -> str:
    text = FRACTION.sub(lambda found: f" {found[1] or found[3]}/{found[2] or found[4]} ", SETTING.sub(" ", text))
    text = SLASHED_FRACTION.sub(r" \1/\2 ", EQUATION_TAG.sub(r" (\1)", text)).replace("\\$", "\x00").replace("~", " ")
    text = MATH_MARK.sub(_currency_or_nothing, text).replace("\x00", "$")
    text = GROUP_MARK.sub(r"\1", text)
    return BRACES.sub("", COMMAND.sub(lambda found: SIGNS.get(found[1], ""), text))


def _currency_or_nothing(found: re.Match[str]) -> str:
    """A dollar before an amount stays: whether it opens a formula does not show, and nothing is counted by it."""
    return "$" if found.string[found.end() : found.end() + 1].isdigit() and len(found[0]) == 1 else ""


def _power(found: re.Match[str]) -> str:
    digits = found[1].replace(" ", "")
    before = found.string[found.start() - 1 : found.start()] if found.start() else ""
    return f"^{digits}" if before.isdigit() or before == ")" else digits


def counts_itself(read: str) -> bool:
    """LaTeX numbers its sections, items and equations when it is set: they are not in its text."""
    return SECTION.search(read) is not None
