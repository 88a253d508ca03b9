"""Letters a few at a time, which say what a text holds wherever its words end."""

SHINGLE_CHARS = 3


def shingles(letters: str, chars: int = SHINGLE_CHARS) -> list[str]:
    return [letters[at : at + chars] for at in range(len(letters) - chars + 1)]
