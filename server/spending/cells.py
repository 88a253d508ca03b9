"""Texts of others in a table: what steers a terminal is not shown, and what a spreadsheet would run it does not."""


def shown(text: str) -> str:
    """Without control characters and what reorders a line."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def inert(text: str) -> str:
    """As a spreadsheet shows it, and does not run it."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
