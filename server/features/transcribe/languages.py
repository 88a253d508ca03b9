"""The language of a recording, as people call it and as DashScope does: a code of two or three letters.

Page: https://help.aliyun.com/zh/model-studio/qwen-asr-api-reference
"""

import re

from ...errors import InvalidRequest
from ...text import printable

SPOKEN_CODE = re.compile(r"([a-z]{2,3})(?:[-_][a-z]{2,4})?")  # zh-CN is zh
SPOKEN = {
    "中文": "zh", "汉语": "zh", "普通话": "zh", "国语": "zh", "chinese": "zh", "mandarin": "zh", "粤语": "yue",
    "广东话": "yue", "cantonese": "yue", "英语": "en", "英文": "en", "english": "en", "日语": "ja", "日文": "ja",
    "japanese": "ja", "韩语": "ko", "韩文": "ko", "korean": "ko", "德语": "de", "german": "de", "法语": "fr",
    "french": "fr", "俄语": "ru", "russian": "ru", "西班牙语": "es", "spanish": "es", "葡萄牙语": "pt",
    "portuguese": "pt", "意大利语": "it", "italian": "it", "阿拉伯语": "ar", "arabic": "ar",
}  # fmt: skip


def spoken_language(given: str) -> str:
    """Its code; empty: it is to be found.

    Raises:
        InvalidRequest: neither a code nor a name that is known.
    """
    name = given.strip().lower()
    if name in ("", "auto"):
        return ""
    if code := SPOKEN.get(name) or ((found := SPOKEN_CODE.fullmatch(name)) and found[1]):
        return code
    raise InvalidRequest(
        f"language {printable(given)} is not known. Give a code such as zh, en, yue or ja, or leave it out: "
        "it is found."
    )
