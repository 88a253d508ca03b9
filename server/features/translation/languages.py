"""Languages as Qwen-MT names them (English name, code or auto), and how a text of one looks.

Page: https://help.aliyun.com/zh/model-studio/machine-translation. It says 92 languages; those that are not here are
sent as they are given, DashScope judges them, and how they look is not checked.
"""

import re
import unicodedata
from collections import Counter

from ...errors import InvalidRequest

# Code: (English name, the scripts it is written in, as Unicode names its letters)
LANGUAGES: dict[str, tuple[str, str]] = {
    "zh": ("Chinese", "CJK"), "zh_tw": ("Traditional Chinese", "CJK"), "yue": ("Cantonese", "CJK"),
    "ja": ("Japanese", "HIRAGANA KATAKANA CJK"), "ko": ("Korean", "HANGUL"), "ru": ("Russian", "CYRILLIC"),
    "uk": ("Ukrainian", "CYRILLIC"), "bg": ("Bulgarian", "CYRILLIC"), "be": ("Belarusian", "CYRILLIC"),
    "mk": ("Macedonian", "CYRILLIC"), "kk": ("Kazakh", "CYRILLIC"), "sr": ("Serbian", "CYRILLIC LATIN"),
    "el": ("Greek", "GREEK"), "ar": ("Arabic", "ARABIC"), "fa": ("Western Persian", "ARABIC"), "ur": ("Urdu", "ARABIC"),
    "he": ("Hebrew", "HEBREW"), "hi": ("Hindi", "DEVANAGARI"), "mr": ("Marathi", "DEVANAGARI"),
    "ne": ("Nepali", "DEVANAGARI"), "bn": ("Bengali", "BENGALI"), "ta": ("Tamil", "TAMIL"), "te": ("Telugu", "TELUGU"),
    "gu": ("Gujarati", "GUJARATI"), "kn": ("Kannada", "KANNADA"), "si": ("Sinhala", "SINHALA"), "th": ("Thai", "THAI"),
    "lo": ("Lao", "LAO"), "km": ("Khmer", "KHMER"), "my": ("Burmese", "MYANMAR"), "ka": ("Georgian", "GEORGIAN"),
    "hy": ("Armenian", "ARMENIAN"), "en": ("English", "LATIN"), "fr": ("French", "LATIN"), "de": ("German", "LATIN"),
    "es": ("Spanish", "LATIN"), "pt": ("Portuguese", "LATIN"), "it": ("Italian", "LATIN"), "nl": ("Dutch", "LATIN"),
    "pl": ("Polish", "LATIN"), "cs": ("Czech", "LATIN"), "sk": ("Slovak", "LATIN"), "sl": ("Slovenian", "LATIN"),
    "hr": ("Croatian", "LATIN"), "hu": ("Hungarian", "LATIN"), "ro": ("Romanian", "LATIN"), "tr": ("Turkish", "LATIN"),
    "vi": ("Vietnamese", "LATIN"), "id": ("Indonesian", "LATIN"), "ms": ("Malay", "LATIN"), "tl": ("Tagalog", "LATIN"),
    "sv": ("Swedish", "LATIN"), "da": ("Danish", "LATIN"), "fi": ("Finnish", "LATIN"), "et": ("Estonian", "LATIN"),
    "lv": ("Latvian", "LATIN"), "lt": ("Lithuanian", "LATIN"), "ca": ("Catalan", "LATIN"), "sw": ("Swahili", "LATIN"),
    "af": ("Afrikaans", "LATIN"), "is": ("Icelandic", "LATIN"), "sq": ("Albanian", "LATIN"), "cy": ("Welsh", "LATIN"),
}  # fmt: skip
# What else people call them: they are sent under the name that Qwen-MT has.
CALLED = {
    "simplified chinese": "zh", "chinese (simplified)": "zh", "mandarin": "zh", "chinese (traditional)": "zh_tw",
    "zh-hans": "zh", "zh-hant": "zh_tw", "zh-tw": "zh_tw", "zh-hk": "zh_tw", "persian": "fa", "farsi": "fa",
    "filipino": "tl", "中文": "zh", "汉语": "zh", "简体中文": "zh", "繁体中文": "zh_tw", "繁體中文": "zh_tw",
    "粤语": "yue", "英文": "en", "英语": "en", "日文": "ja", "日语": "ja", "韩文": "ko", "韩语": "ko", "法语": "fr",
    "法文": "fr", "德语": "de", "德文": "de", "西班牙语": "es", "葡萄牙语": "pt", "俄语": "ru", "俄文": "ru",
    "意大利语": "it", "阿拉伯语": "ar", "泰语": "th", "越南语": "vi", "印尼语": "id", "马来语": "ms", "土耳其语": "tr",
    "波兰语": "pl", "荷兰语": "nl", "印地语": "hi",
}  # fmt: skip
CODE_OF_NAME = {name.lower(): code for code, (name, _) in LANGUAGES.items()}
LIKE_A_NAME = re.compile(r"[A-Za-z][A-Za-z' ()_-]{1,40}")
MIN_JUDGED_LETTERS = 12  # of fewer nothing is said: they may be a name
LEAST_OWN = 0.2  # of the letters in the target's script


def language(given: str, argument: str) -> str:
    """As it is sent: the English name where it is known, else what was given.

    Raises:
        InvalidRequest: it is no name and no code of a language.
    """
    name = " ".join(given.split())
    if code := _code(name):
        return LANGUAGES[code][0]
    if name.lower() == "auto" and argument == "source_lang":
        return "auto"
    if name.lower() == "auto" or not LIKE_A_NAME.fullmatch(name):
        raise InvalidRequest(
            f"{argument} must be the English name or the code of one language, such as Japanese, en or zh_tw."
        )
    return name


def _code(name: str) -> str:
    lower = name.lower()
    if lower in LANGUAGES:
        return lower
    near = (lower.replace("-", "_"), re.split("[-_]", lower)[0] if re.fullmatch("[a-z]{2}[-_][a-z0-9]+", lower) else "")
    found = CODE_OF_NAME.get(lower) or CALLED.get(lower) or CALLED.get(lower.replace("_", "-"))
    return found or next((code for code in near if code in LANGUAGES), "")


def codes_of(name: str) -> set[str]:
    """What a language may be called in a file, in lower case."""
    code = CODE_OF_NAME.get(name.lower(), "")
    return {name.lower(), code, code.replace("_", "-")} - {"", "auto"}


def looks_wrong(text: str, target: str) -> bool:
    """Whether the letters of a text are not those of the language it is said to be in."""
    code = CODE_OF_NAME.get(target.lower(), "")
    letters = Counter(_script(letter) for letter in text if letter.isalpha())
    count = sum(letters.values())
    if not code or count < MIN_JUDGED_LETTERS:
        return False
    own = sum(letters[script] for script in LANGUAGES[code][1].split())
    return own < count * LEAST_OWN


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]
