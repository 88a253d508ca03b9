"""The words of the page, in both languages."""

from typing import Literal

Tongue = Literal["zh", "en"]
WORDING: dict[Tongue, dict[str, str]] = {
    "en": {
        "skip": "Skip to the first page",
        "intro": "Each page as a picture, with what was answered and what this machine read on it. Where the two were "
        "compared and differ, look at the picture and decide. This file loads nothing from anywhere.",
        "legend": "What the boxes mean",
        "legend_line": "Thin blue line: a line of text, as read on this machine. Choose it to see its words.",
        "legend_difference": "Thick dashed line with a number: the two readers differ here. The list has the same "
        "number.",
        "legend_chosen": "Solid line on yellow: the place you have chosen.",
        "contents": "Pages",
        "page": "Page {}",
        "document": "The whole document",
        "why": "The doubts in words",
        "alt": "Page {} as a picture; its text stands beside it",
        "boxes": "Boxes over the picture",
        "no_picture": "There is no picture of this page: it is not on this machine, could "
        "not be drawn, or would make this file too large.",
        "differences": "Where the readers differ",
        "count_none": "no differences",
        "count_unknown": "not compared",
        "count_one": "1 difference",
        "count": "{} differences",
        "same": "Nothing was found in which the two readers differ.",
        "not_compared": "The two readers were not compared: {}.",
        "difference": "Difference {}",
        "here": "Read here",
        "answer": "The answer",
        "nothing": "nothing",
        "no_place": "its place on the picture is not known",
        "agree_words": "Words read here that are in the answer",
        "agree_numbers": "Numbers in which both agree",
        "answer_text": "The answer",
        "here_text": "Read on this machine",
        "no_answer": "The answer has no text.",
        "no_lines": "Nothing was read on this machine.",
        "ok": "read",
        "empty": "no text",
        "truncated": "cut off",
        "repeating": "repeats itself",
        "refused": "refused",
        "failed": "not read",
        "disagrees": "look at it",
    },
    "zh": {
        "skip": "跳到第一页",
        "intro": "每页一张图，并列回答和本机读出的文字。两者经过对照而不同之处，请看图自行判断。"
        "本文件不从任何地方加载内容。",
        "legend": "方框的含义",
        "legend_line": "蓝色细线：本机识别出的一行文字，点选可看到文字。",
        "legend_difference": "粗虚线加编号：两个读者在此处不同，列表中编号相同。",
        "legend_chosen": "黄底实线：您选中的位置。",
        "contents": "各页",
        "page": "第 {} 页",
        "document": "整个文档",
        "why": "疑点说明",
        "alt": "第 {} 页的图，文字列在旁边",
        "boxes": "图上的方框",
        "no_picture": "本页没有图：不在本机、无法绘制，或会使本文件过大。",
        "differences": "两个读者不同之处",
        "count_none": "没有不同",
        "count_unknown": "未作比较",
        "count_one": "1 处不同",
        "count": "{} 处不同",
        "same": "没有发现两个读者有不同之处。",
        "not_compared": "两个读者未作比较：{}。",
        "difference": "不同之处 {}",
        "here": "本机",
        "answer": "回答",
        "nothing": "无",
        "no_place": "在图上的位置未知",
        "agree_words": "本机识别的词语中，回答也有的",
        "agree_numbers": "两者一致的数字",
        "answer_text": "回答",
        "here_text": "本机识别",
        "no_answer": "回答中没有文字。",
        "no_lines": "本机没有识别出文字。",
        "ok": "已识别",
        "empty": "没有文字",
        "truncated": "被截断",
        "repeating": "重复",
        "refused": "被拒绝",
        "failed": "未识别",
        "disagrees": "请核对",
    },
}


def counted(words: dict[str, str], count: int, *, compared: bool = True) -> str:
    """How many differences there are, in words."""
    if not compared:
        return words["count_unknown"]
    if count == 0:
        return words["count_none"]
    return words["count_one"] if count == 1 else words["count"].format(count)
