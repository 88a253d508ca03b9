"""Qwen-MT as it is documented: one user message, `translation_options` beside it; nothing is translated here.

Page: https://help.aliyun.com/zh/model-studio/qwen-mt-api. What DashScope says of a request that lacks something, no
page tells: the words of those refusals are ours.
"""

import re
from collections.abc import Mapping
from typing import Any

NO_LANGUAGE = "Klingon"  # asked for by who wants to see what DashScope says of a language it does not have
MT_CUT = "sandbox-mt-cut"  # a word in a text: its answer stops there, at the limit
BAD_LANGUAGE = "暂时不支持当前设置的语种！"


def fault_of_translation(messages: list[Any], options: Mapping[str, Any]) -> str:
    """Why such a request is refused; empty where it is not."""
    if len(messages) != 1 or messages[0].get("role") != "user":
        return "The messages of a translation model should be exactly one user message."
    if (wish := options.get("translation_options")) is None:
        return ""  # the message is a prompt of the caller's own
    if not isinstance(wish, dict) or not wish.get("target_lang"):
        return "translation_options.target_lang is required."
    named = (str(wish["target_lang"]), str(wish.get("source_lang", "auto")))
    return BAD_LANGUAGE if NO_LANGUAGE in named or named[0].lower() == "auto" else ""


def translated(text: str, options: Mapping[str, Any]) -> tuple[str, bool]:
    """Each line with what language it would be in, and the terms as they were asked for; and whether it is cut."""
    wish = options["translation_options"]
    given, cut, _ = text.partition(MT_CUT)
    terms = {term["source"].lower(): str(term["target"]) for term in wish.get("terms") or ()}
    if terms:
        longest_first = "|".join(map(re.escape, sorted(terms, key=len, reverse=True)))
        given = re.sub(longest_first, lambda found: terms[found[0].lower()], given, flags=re.IGNORECASE)
    mark = f"[沙箱 {wish['target_lang']}] "
    return "".join(mark + line if line.strip() else line for line in given.splitlines(keepends=True)), bool(cut)
