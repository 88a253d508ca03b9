"""Letters a few at a time, which say what a text holds wherever its words end."""

SHINGLE_CHARS = 3


def shingles(letters: str) -> list[str]:
    return [letters[at : at + SHINGLE_CHARS] for at in range(len(letters) - SHINGLE_CHARS + 1)]
