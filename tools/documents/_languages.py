"""What may stand for a language while somebody types it."""

from ...server.features.translation.languages import CALLED, LANGUAGES


def languages_like(typed: str) -> list[str]:
    """Names that Qwen-MT takes; found by their codes and by what people call them, too."""
    part = typed.strip().casefold()
    called = {code for name, code in CALLED.items() if name.startswith(part)}
    return [
        name
        for code, (name, _) in LANGUAGES.items()
        if code in called or any(word.startswith(part) for word in (code, name.casefold()))
    ]
