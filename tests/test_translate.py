"""`translate`, as a host sees it: every form, in parts where it is long, and nothing paid lost."""

import json
import re
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
import httpx2
import pytest
from bailian_mcp.server import sandbox
from bailian_mcp.server.endpoints import host as host_of
from bailian_mcp.server.features.translation.markdown import Markdown
from bailian_mcp.server.features.translation.plain_text import PlainText
from bailian_mcp.server.features.translation.subtitles import Subtitles
from bailian_mcp.server.features.translation.word import WordDocument
from bailian_mcp.server.spending import Caps
from conftest import (
    KEY,
    FakeDashScope,
    Hosted,
    Unlimited,
    chunk,
    finish,
    over_pipes,
    refusal,
    sse,
    stream,
    text_of,
    told,
    usage,
)
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client

pytestmark = pytest.mark.anyio
HAN = re.compile(r"[\u4e00-\u9fff]+")
PUNCTUATION = str.maketrans("，。！？；：", ",.!?;:")
Said = str | httpx2.Response


@pytest.fixture
def era() -> str:
    """What is translated here does not depend on how a host is spoken to."""
    return "2026-07-28"


def english(text: str) -> str:
    """As a translation would look: every run of Chinese as a word that says how long it was; marks and lines stay."""
    return HAN.sub(lambda found: f"word{len(found[0])}", text).translate(PUNCTUATION)


@dataclass
class Translator(FakeDashScope):
    """A DashScope that translates by a function of the text and its options."""

    steps: list[Any] = field(default_factory=list)
    say: Callable[[str, dict[str, Any]], Said] = lambda text, _: english(text)

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        body = json.loads(request.content)
        said = self.say(body["messages"][0]["content"], body["translation_options"])
        return answered(said) if isinstance(said, str) else said

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]

    @property
    def texts(self) -> list[str]:
        return [body["messages"][0]["content"] for body in self.bodies]

    @property
    def options(self) -> list[dict[str, Any]]:
        return [body["translation_options"] for body in self.bodies]


def answered(text: str, reason: str = "stop") -> httpx2.Response:
    return stream(sse(chunk(content=text), finish(reason), usage(100, 50)))


async def translate(hosted: Hosted, wire: FakeDashScope, shared: Any = None, /, **arguments: Any) -> Any:
    async with hosted(wire, **{"rates": Unlimited(), **(shared or {})}) as host:
        return await host.call_tool("translate", {"target_lang": "English", **arguments})


async def in_file(hosted: Hosted, wire: FakeDashScope, file: Path, **arguments: Any) -> Any:
    """Of a file; what is written goes into `out` beside it."""
    return await translate(hosted, wire, granted(file.parent), file=str(file), **arguments)


def granted(folder: Path) -> dict[str, Any]:
    return {"folders": (folder,), "output_folder": folder / "out"}


def translation(result: Any) -> str:
    assert not result.is_error, text_of(result)
    return str(result.structured_content["translation"])


# --- one text ---


@pytest.mark.both_eras
@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
async def test_a_text_is_one_user_message_with_its_options_beside_it(hosted: Hosted, era: str) -> None:
    wire = Translator()
    result = await translate(
        hosted, wire, text="西湖在杭州。", domain="A travel guide.", terms={"西湖": "West Lake", "茶": "tea"}
    )

    assert wire.bodies == [
        {
            "model": "qwen-mt-flash",
            "messages": [{"role": "user", "content": "西湖在杭州。"}],
            "max_tokens": 8192,
            "translation_options": {
                "source_lang": "auto",
                "target_lang": "English",
                "terms": [{"source": "西湖", "target": "West Lake"}],
                "domains": "A travel guide.",
            },
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]
    line, _, rest = text_of(result).partition("\n")
    assert line == "[qwen-mt-flash | 100+50 tokens | 0.0001675 CNY | req-1]"
    assert rest == "[req-1 line 1: 西湖 is not translated as West Lake]\nword5."


async def test_white_space_and_paragraphs_stay_exactly(hosted: Hosted) -> None:
    wire = Translator(say=lambda text, _: english(text).replace("\n\n", "\n \n") + "\n")
    result = await translate(hosted, wire, text="\n  第一段。\t\r\n\r\n\r\n\t第二段，见 https://a.b/c。  \n123\n\n--\n")

    assert wire.texts == ["第一段。\n\n第二段，见 <x1/>。"]
    assert translation(result) == "\n  word3.\t\r\n\r\n\r\n\tword3,word1 https://a.b/c.  \n123\n\n--\n"


async def test_lines_that_were_wrapped_are_one_paragraph_of_as_many_lines(hosted: Hosted) -> None:
    text = "A line of a letter that was wrapped at some column,\nand goes on here until it ends.\nAnother sentence.\n"
    wire = Translator(say=lambda *_: "eins zwei drei vier fünf sechs\n\nsieben")
    result = await translate(hosted, wire, text=text, target_lang="de")

    assert translation(result) == "eins zwei drei\nvier fünf sechs\nsieben\n"


async def test_placeholders_and_addresses_stay(hosted: Hosted) -> None:
    wire = Translator()
    text = "你好 {name}，%s 写信到 a@b.example 或 <b>{{ url }}</b>。"
    result = await translate(hosted, wire, text=text)

    assert not any(word in wire.texts[0] for word in ("name", "%s", "@", "url", "<b>"))
    assert translation(result) == "word2 {name},%s word3 a@b.example word1 <b>{{ url }}</b>."


async def test_what_looks_like_a_mark_in_a_text_is_none(hosted: Hosted) -> None:
    wire = Translator()
    result = await translate(hosted, wire, text="标记 <x1/> 与 https://a.b 与 <g7>组</g7>")

    assert translation(result) == "word2 <x1/> word1 https://a.b word1 <g7>word1</g7>"


async def test_a_language_may_be_called_as_people_call_it(hosted: Hosted) -> None:
    wire = Translator()
    async with hosted(wire) as host:
        for target in (
            "en-US",
            "英语",
            "ENGLISH",
            "zh-TW",
            "zh_tw",
            "Simplified Chinese",
            "pt-BR",
            "Ta'izzi-Adeni Arabic",
        ):
            await host.call_tool("translate", {"text": "西湖 lake", "target_lang": target, "source_lang": "ja"})

    assert [each["target_lang"] for each in wire.options] == [
        "English", "English", "English", "Traditional Chinese", "Traditional Chinese", "Chinese", "Portuguese", "Ta'izzi-Adeni Arabic",
    ]  # fmt: skip
    assert {each["source_lang"] for each in wire.options} == {"Japanese"}


async def test_the_dearer_model_repeats_its_text_and_that_is_read_once(hosted: Hosted) -> None:
    frames = [chunk(content="West"), chunk(content="West Lake"), chunk(content="West Lake."), finish(), usage(10, 5)]
    wire = FakeDashScope([stream(sse(*frames))])
    result = await translate(hosted, wire, text="西湖。", model="qwen-mt-plus")

    assert translation(result) == "West Lake."


# --- long texts ---

SENTENCE = "这是一个关于西湖的很长的句子，里面有很多词语。"


async def test_a_long_text_is_cut_at_sentence_ends_and_joined_as_it_was(hosted: Hosted) -> None:
    wire = Translator()
    paragraphs = ["".join(f"第{number}句：{SENTENCE}" for number in range(size)) for size in (3, 200, 5)]
    text = "\n\n".join(paragraphs)
    result = await translate(hosted, wire, text=text)

    assert len(wire.texts) > 3
    assert "".join(wire.texts).count("。") == text.count("。")
    assert all(each.endswith("。") for each in wire.texts)
    assert len(translation(result).partition("\n\n")[0]) == len(english(paragraphs[0]))
    assert translation(result).split("\n\n")[1].replace(" ", "") == english(paragraphs[1]).replace(" ", "")
    assert translation(result).count("\n") == 4
    assert result.structured_content["parts"] == len(wire.texts)


async def test_no_part_ends_inside_a_word_a_mark_or_an_address(hosted: Hosted) -> None:
    wire = Translator(say=lambda text, _: text.upper())
    words = " ".join(f"word{number} https://example.org/{number}?q=a.b" for number in range(900))
    result = await translate(hosted, wire, text=words, target_lang="de")

    assert len(wire.texts) > 1
    assert all(re.fullmatch(r"(?:word\d+|<x\d+/>|\s)*", each) for each in wire.texts)
    assert translation(result) == words.replace("word", "WORD")


async def test_terms_go_only_with_the_parts_they_occur_in(hosted: Hosted) -> None:
    wire = Translator(say=lambda text, _: english(text) + " West Lake tea cat")
    filler = SENTENCE.replace("西湖", "东湖") * 60
    text = f"西湖。{filler}\n{filler}茶叶 cats。\n{filler}The cat。"
    await translate(hosted, wire, text=text, terms={"西湖": "West Lake", "茶叶": "tea", "cat": "cat", "无": "none"})

    for sent, options in zip(wire.texts, wire.options, strict=True):
        sources = {term["source"] for term in options.get("terms", ())}
        assert sources == {term for term in ("西湖", "茶叶") if term in sent} | (
            {"cat"} if "The cat" in sent else set()
        )
    assert sum(bool(options.get("terms")) for options in wire.options) >= 3


TBX = """<?xml version="1.0"?><!DOCTYPE martif SYSTEM "TBXcoreStructV02.dtd"><martif><text><body>
<termEntry><langSet xml:lang="zh-CN"><tig><term>西湖</term></tig></langSet>
<langSet xml:lang="de"><tig><term>Westsee</term></tig></langSet>
<langSet xml:lang="en-US"><tig><term>West Lake</term></tig></langSet></termEntry></body></text></martif>"""


TMX = """<tmx><body><tu><tuv lang="x"><seg>西湖</seg></tuv><tuv lang="y"><seg>West Lake</seg></tuv></tu></body></tmx>"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "source,target\n西湖,West Lake\n"), ("b.csv", "西湖;West Lake\n"), ("c.tsv", "西湖\tWest Lake\n"),
        ("d.json", '{"西湖": "West Lake"}'), ("e.json", '[{"source": "西湖", "target": "West Lake"}]'), ("f.json", '[["西湖", "West Lake"]]'),
        ("g.tbx", TBX), ("h.tmx", TMX),
    ],
)  # fmt: skip
async def test_a_glossary_is_read_in_the_forms_people_have(
    hosted: Hosted, tmp_path: Path, name: str, content: str
) -> None:
    (file := tmp_path / name).write_text(content, "utf-8")
    wire = Translator()
    await translate(hosted, wire, granted(tmp_path), text="西湖美。", glossary=str(file), source_lang="zh")

    assert wire.options[0]["terms"] == [{"source": "西湖", "target": "West Lake"}]


async def test_terms_of_the_call_stand_above_those_of_the_file(hosted: Hosted) -> None:
    wire = Translator()
    await translate(hosted, wire, text="西湖美。", glossary='{"西湖": "a", "美": "b"}', terms={"西湖": "c"})

    assert wire.options[0]["terms"] == [{"source": "西湖", "target": "c"}, {"source": "美", "target": "b"}]


async def test_of_the_memory_only_what_is_alike_is_sent(hosted: Hosted) -> None:
    wire = Translator()
    memory = json.dumps({"西湖在杭州市。": "West Lake is in Hangzhou.", "天气很好。": "Fine weather.", "湖": "lake"})
    await translate(hosted, wire, text="西湖在杭州，很美。", memory=memory)

    assert wire.options[0]["tm_list"] == [{"source": "西湖在杭州市。", "target": "West Lake is in Hangzhou."}]


async def test_the_cost_that_is_expected_is_said_before_anything_is_sent(hosted: Hosted) -> None:
    messages: list[str] = []
    async with hosted(Translator()) as host:
        arguments = {"text": f"{SENTENCE * 80}\n{SENTENCE * 80}", "target_lang": "en"}
        await host.call_tool("translate", arguments, progress_callback=told(messages))

    assert re.fullmatch(r"\d parts, about [\d,]+ tokens in and [\d,]+ out: about 0\.\d+ CNY", messages[0])
    assert re.fullmatch(r"\d of \d parts, 0\.\d+ CNY so far", messages[-1])


async def test_what_is_said_twice_is_asked_once(hosted: Hosted) -> None:
    wire = Translator()
    result = await translate(hosted, wire, text="好茶\n好茶\n\n好茶\n")

    assert wire.texts == ["好茶"]
    assert translation(result) == "word2\nword2\n\nword2\n"


# --- what is not whole ---

LINES = "\n".join(f"第{number}行：{SENTENCE}" for number in range(1, 9))


async def test_a_part_that_is_cut_is_asked_again_in_halves_for_what_is_missing(hosted: Hosted) -> None:
    def say(text: str, _: Any) -> Said:
        lines = english(text).split("\n\n")
        return answered("\n\n".join(lines[:2]) + "\n\nhal", "length") if len(lines) > 4 else english(text)

    wire = Translator(say=say)
    result = await translate(hosted, wire, text=LINES)

    assert [text.count("第") for text in wire.texts] == [8, 3, 3]
    assert translation(result) == english(LINES)
    assert "INCOMPLETE" not in text_of(result)


async def test_a_piece_that_is_cut_alone_stays_and_what_came_of_it_is_given(hosted: Hosted) -> None:
    def say(text: str, _: Any) -> Said:
        return answered("word word hal", "length") if "第2行" in text else english(text)

    result = await translate(hosted, Translator(say=say), text="第1行：好。\n第2行：不好。\n第3行：好。")

    assert text_of(result).partition("\n")[0].endswith("| INCOMPLETE: 1 place not translated]")
    assert "[req-1 line 2: the output limit was reached in it]\nword word hal\n" in text_of(result)
    assert translation(result) == "word1" + "1word1:word1.\n第2行：不好。\nword1" + "3word1:word1."


async def test_a_stream_that_breaks_off_keeps_what_was_whole(hosted: Hosted) -> None:
    def say(text: str, _: Any) -> Said:
        return stream(sse(chunk(content="one\n\ntwo\n\nthr"), done=False))

    wire = Translator(say=say)
    result = await translate(hosted, wire, text="甲甲。\n乙乙。\n丙丙。\n丁丁。")

    assert len(wire.requests) == 1  # it may be billed
    assert translation(result) == "one\ntwo\n丙丙。\n丁丁。"
    first = (result.structured_content["untranslated"])[0]
    assert (first["place"], first["came"]) == ("line 3", "thr")
    assert result.structured_content["untranslated"][1]["place"] == "line 4"


async def test_a_part_that_fails_loses_no_other_and_is_said_with_its_place(hosted: Hosted) -> None:
    def say(text: str, _: Any) -> Said:
        return refusal(400, "data_inspection_failed", "bad") if "第2" in text else english(text)

    paragraph = SENTENCE * 70
    text = "\n".join(f"第{number}段：{paragraph}" for number in range(1, 5))
    result = await translate(hosted, Translator(say=say), text=text)

    lines = translation(result).split("\n")
    assert lines[1].startswith(f"第2段：{SENTENCE}")
    assert [line.startswith("word1") for line in lines] == [True, False, True, True]
    (lost,) = result.structured_content["untranslated"]
    assert lost["place"] == "line 2"
    assert lost["why"].startswith("DashScope's content filter stopped the question.")
    assert "INCOMPLETE: 1 place not translated" in text_of(result)


async def test_a_failure_for_every_request_ends_it_and_what_came_is_given(hosted: Hosted) -> None:
    wire = Translator()

    def say(text: str, _: Any) -> Said:
        return english(text) if len(wire.requests) < 5 else refusal(400, "Arrearage", "no money")

    wire.say = say
    text = "\n".join(f"第{number}段：{SENTENCE * 70}" for number in range(1, 15))
    result = await translate(hosted, wire, text=text)

    assert len(wire.requests) < 12
    (lost,) = result.structured_content["untranslated"]
    assert lost["place"].endswith(" – line 14")
    assert lost["why"].startswith("not begun: The Alibaba Cloud account owes money")
    assert translation(result).startswith("word1" + "1word1:")


async def test_where_nothing_came_the_failure_is_told(hosted: Hosted) -> None:
    wire = FakeDashScope([refusal(400, "InvalidParameter", "暂时不支持当前设置的语种！")])
    result = await translate(hosted, wire, text="西湖", target_lang="Klingon")

    assert result.is_error
    assert text_of(result).startswith("This model does not translate between these languages.")
    assert "by the English name or the code that Qwen-MT has" in text_of(result)


async def test_an_answer_in_other_paragraphs_is_asked_again_in_halves(hosted: Hosted) -> None:
    def say(text: str, _: Any) -> Said:
        return english(text).replace("\n\n", " ") if text.count("\n\n") > 1 else english(text)

    wire = Translator(say=say)
    result = await translate(hosted, wire, text="一。\n二二。\n三三三。\n四四四四。")

    assert len(wire.requests) == 3
    assert translation(result) == "word1.\nword2.\nword3.\nword4."


async def test_an_answer_that_never_fits_is_given_as_it_came(hosted: Hosted) -> None:
    wire = Translator(say=lambda *_: "")
    result = await translate(hosted, wire, text="一一。")

    assert "INCOMPLETE: 1 place not translated" in text_of(result)
    assert "line 1: the answer is empty; it is billed all the same" in text_of(result)
    assert translation(result) == "一一。"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("这是一个关于西湖的很长的句子。", "line 1: it came back as it was"),
        ("這是一個關於西湖的很長的句子，真的。", "line 1: it came back in other letters than those of English"),
    ],
)
async def test_what_is_no_translation_is_said(hosted: Hosted, said: str, why: str) -> None:
    result = await translate(hosted, Translator(say=lambda *_: said), text="这是一个关于西湖的很长的句子。")

    assert f"{why}]" in text_of(result)
    assert "INCOMPLETE: 1 place not translated" in text_of(result)
    assert said in text_of(result)


async def test_a_mark_that_got_lost_is_said_and_what_it_stands_for_is_not(hosted: Hosted) -> None:
    wire = Translator(say=lambda *_: "See it.")
    result = await translate(hosted, wire, text="见 https://a.b。")

    assert "line 1: 1 marks of its form were lost in the translation" in text_of(result)
    assert translation(result) == "See it.https://a.b"


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ("<g2>a</g2> b <x1/>", "[a](u) b `c`"), ("b <x1/> <x1/> <g2>a</g2>", "b `c`  [a](u)"),
        ("<g2>a <x1/></g2> <x9/>", "[a `c`](u)"), ("<g2>a", "a`c`"), ("a</g2><g2> <x1/>", "a `c`"),
        ("<g2><g2>a</g2> <x1/>", "a `c`"), ("< G2 >a</ g2> <X1 />", "[a](u) `c`"),
    ],
)  # fmt: skip
async def test_marks_come_back_in_any_way(hosted: Hosted, said: str, given: str) -> None:
    result = await translate(hosted, Translator(say=lambda *_: said), text="[甲](u)乙`c`")

    assert translation(result) == given
    assert ("lost" in text_of(result)) == ("[a" not in given)


async def test_marks_inside_of_others_come_back_as_they_nest(hosted: Hosted) -> None:
    wire = Translator(say=lambda *_: "<g1><g2>a</g1> b")
    result = await translate(hosted, wire, text="[![甲](i)](u) 乙")

    assert translation(result) == "[a](u) b"
    assert "1 marks of its form were lost" in text_of(result)


async def test_markdown_that_is_never_closed_is_read_to_its_end(hosted: Hosted) -> None:
    wire = Translator()
    text = "# 西湖\n\n一行文字没有句号\n下一行也是这样。\n- 项\n\n  段落\n\n    属于它\n\n```\n代码"
    result = await translate(hosted, wire, text=text)

    assert wire.texts == ["西湖\n\n一行文字没有句号\n下一行也是这样。\n\n项\n\n段落\n\n属于它"]
    assert translation(result).endswith("- word1\n\n  word2\n\n    word3\n\n```\n代码")


async def test_a_long_line_without_sentences_is_cut_between_letters(hosted: Hosted) -> None:
    wire = Translator()
    result = await translate(hosted, wire, text="湖" * 5_000)

    assert len(wire.texts) > 1
    assert "".join(wire.texts) == "湖" * 5_000
    assert translation(result).startswith("word")


async def test_lines_that_are_too_few_for_a_cue_are_fewer(hosted: Hosted, tmp_path: Path) -> None:
    (file := tmp_path / "a.srt").write_text("00:00:01,000 --> 00:00:02,000\n第一行\n第二行\n", "utf-8")

    assert translation(await in_file(hosted, Translator(say=lambda *_: "One"), file)).endswith("\nOne\n")
    wide = await in_file(hosted, Translator(say=lambda *_: "一二三四，五六七八"), file, target_lang="ja")
    assert translation(wide).endswith("\n一二三四，\n五六七八\n")


async def test_terms_that_do_not_fit_are_left_out(hosted: Hosted) -> None:
    wire = Translator(say=lambda text, _: "x")
    terms = {f"{number}号湖": "y" * 900 for number in range(10, 30)}
    await translate(hosted, wire, text="".join(terms), terms=terms)

    assert 0 < len(wire.options[0]["terms"]) < 20


async def test_an_answer_that_is_one_block_too_often_is_given_as_it_came(hosted: Hosted) -> None:
    """Each half is asked for again, so often and no more."""
    wire = Translator(say=lambda text, _: "one\n\ntwo\n\nthree" if "\n" in text else english(text))
    result = await translate(hosted, wire, text="\n".join(f"{'甲' * number}。" for number in range(1, 17)))

    assert len(wire.requests) == 11
    assert "it came back in another number of paragraphs than it has" in text_of(result)
    assert "one\n\ntwo\n\nthree" in text_of(result)


async def test_a_batch_translates_each_text(hosted: Hosted, tmp_path: Path) -> None:
    shared = {**granted(tmp_path), "kept": (tmp_path / "state",)}
    given = {"tool": "translate", "inputs": ["西湖。", "好茶。"], "arguments": {"target_lang": "en"}, "how": "now"}
    async with hosted(Translator(), **shared) as host:
        result = await host.call_tool("batch", {**given, "output": "all.jsonl"})

    lines = (tmp_path / "out" / "all.jsonl").read_text("utf-8")
    assert not result.is_error, text_of(result)
    assert lines.count('"end": "done", "translation": "word2."') == 2


async def test_a_word_longer_than_a_request_is_not_sent(hosted: Hosted) -> None:
    wire = Translator()
    result = await translate(hosted, wire, text=f"好。\n{'x' * 30_000}\n")

    assert wire.texts == ["好。"]
    assert "line 2: one word of it is longer than a request takes" in text_of(result)


async def test_a_cap_stops_further_parts_and_what_came_is_given(hosted: Hosted, tmp_path: Path) -> None:
    wire = Translator(say=lambda text, _: stream(sse(chunk(content=english(text)), finish(), usage(600, 600))))
    text = "\n".join(f"第{number}段：{SENTENCE * 70}" for number in range(1, 9))
    result = await translate(hosted, wire, {"caps": Caps(per_call=Decimal("0.01")), "kept": (tmp_path,)}, text=text)

    assert 0 < len(wire.requests) < 8, text_of(result)[:600]
    assert translation(result).startswith("word1" + "1word1:")
    assert "line 8: not begun: " in text_of(result).replace("– line 8", "line 8")
    assert "BAILIAN_MAX_COST_PER_CALL" in text_of(result)


async def test_what_is_said_of_it_is_in_the_language_of_the_call(hosted: Hosted) -> None:
    wire = Translator(say=lambda *_: answered("wo", "length"))
    result = await translate(hosted, wire, {"language": "zh", "structured": False}, text="西湖很美。")

    assert "| 不完整：1 处未翻译]\n[req-1 第 1 行: 其译文达到输出上限]\nwo\n西湖很美。" in text_of(result)


# --- files ---

MARKDOWN = """---
title: 标题
---
# 西湖 **介绍**

见 [官网](https://a.b/c_(d) "题") 与 `代码 | x`，图 ![图片](a.png)。公式 $a+b$。

- 一项 <https://x.y>
  - [x] 子项
1. 第一[^1]

> 引用文字

| 名称 | 价格 |
|---|:--:|
| 茶 `a|b` | 86 元 |

```python
print("不翻译")
```

    缩进代码

[ref]: https://a.b
[^1]: 脚注
<!-- 注释
多行 -->
$$
公式
$$
完。"""
MARKDOWN_IN_ENGLISH = """---
title: 标题
---
# word2 **word2**

word1 [word2](https://a.b/c_(d) "题") word1 `代码 | x`,word1 ![word2](a.png).word2 $a+b$.

- word2 <https://x.y>
  - [x] word2
1. word2[^1]

> word4

| word2 | word2 |
|---|:--:|
| word1 `a|b` | 86 word1 |

```python
print("不翻译")
```

    缩进代码

[ref]: https://a.b
[^1]: word2
<!-- 注释
多行 -->
$$
公式
$$
word1."""


async def test_markdown_keeps_its_form(hosted: Hosted, tmp_path: Path) -> None:
    (file := tmp_path / "a.md").write_text(MARKDOWN, "utf-8")
    result = await in_file(hosted, Translator(), file)

    assert translation(result) == MARKDOWN_IN_ENGLISH


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$$\na = b $$\n\n下文", ["下文"]), ("$$\na\n$$ {#eq:x}\n甲\n\n$$\nb\n$$ 其中\n", ["甲", "其中"]),
        ("价 $$\n\n$$\n\n下文", ["价 $$", "下文"]), ("<pre-commit 钩子> 好\n\n下文", ["<x1/> 好", "下文"]),
        ("<PRE\nclass=x>\n码\n\n码</PRE> 下文", ["下文"]), ("<!-- 注 -->甲\n乙", ["甲\n乙"]),
        ("<style>x</style>     甲\n\n<!-- 注 --><!-- 注\n注 --> 乙", ["甲", "乙"]),
        ("<!-- 注\n注\n\n下文", ["下文"]), ("<pre>码\n\n<pre>码\n\n下文", ["下文"]), ("```码``` 甲\n\n乙", ["<x1/> 甲", "乙"]),
        ("---\n\n# 甲\n\n乙\n\n---\n丙", ["甲", "乙", "丙"]), ("---\n注: 甲\n\n乙\n\n---\n", ["注: 甲", "乙"]),
        ("---\n# 甲\n\n---\n乙", ["甲", "乙"]), ("---\n题: 甲\n\n乙", ["题: 甲", "乙"]),
        ("---\r\n# 注\r\n题: >\r\n  文\r\n\r\n列:\r\n- 甲\r\n...\r\n下文", ["下文"]),
        ("+++\n题 = \"\"\"\n文\n\"\"\"\n+++\n下文", ["下文"]),
    ],
)  # fmt: skip
async def test_what_stays_ends_where_it_ends_and_words_behind_it_are_translated(
    hosted: Hosted, tmp_path: Path, text: str, said: list[str]
) -> None:
    (file := tmp_path / "a.md").write_bytes(text.encode())
    wire = Translator(say=lambda text, _: text.upper())
    result = await in_file(hosted, wire, file)

    assert wire.texts == ["\n\n".join(said)]
    assert translation(result) == text


async def test_a_text_that_looks_like_markdown_is_read_as_that(hosted: Hosted) -> None:
    assert translation(await translate(hosted, Translator(), text=MARKDOWN)) == MARKDOWN_IN_ENGLISH


async def test_a_file_is_written_whole_with_its_beginning(hosted: Hosted, tmp_path: Path) -> None:
    (file := tmp_path / "a.md").write_bytes(b"\xef\xbb\xbf" + "# 西湖\r\n\r\n好。\r\n".encode())
    result = await in_file(hosted, Translator(), file, output="en.md")

    written = tmp_path / "out" / "en.md"
    assert written.read_bytes() == b"\xef\xbb\xbf# word2\r\n\r\nword1.\r\n"
    assert text_of(result) == f"[qwen-mt-flash | 100+50 tokens | 0.0001675 CNY | req-1 | written: {written}]"


async def test_a_file_that_is_there_is_refused_before_anything_is_sent(hosted: Hosted, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "en.txt").write_text("precious")
    wire = Translator()
    result = await translate(hosted, wire, granted(tmp_path), text="西湖", output="en.txt")

    assert text_of(result) == (
        "en.txt is in the output folder already, and no file is overwritten. Give another name. Nothing was sent."
    )
    assert wire.requests == []


async def test_a_file_that_cannot_be_written_any_more_loses_nothing_paid(hosted: Hosted, tmp_path: Path) -> None:
    def say(text: str, _: Any) -> Said:
        (tmp_path / "out").rmdir()
        (tmp_path / "out").write_text("in the way")
        return english(text)

    result = await translate(hosted, Translator(say=say), granted(tmp_path), text="西湖", output="en.txt")

    assert translation(result) == "word2"
    assert "en.txt cannot be written into the output folder" in text_of(result)


SRT = (
    "\ufeff1\r\n00:00:01,000 --> 00:00:02,500\r\n第一行字幕\r\n第二行\r\n\r\n"
    "2\r\n00:00:03,000 --> 00:00:04,000 X1:10\r\n<i>再见</i>\r\n\r\n3\r\n00:00:05,000 --> 00:00:06,000\r\n♪\r\n"
)


async def test_subtitles_keep_numbers_times_and_lines(hosted: Hosted, tmp_path: Path) -> None:
    (file := tmp_path / "a.srt").write_bytes(SRT.encode())
    wire = Translator(say=lambda text, _: english(text).replace("word5\nword3", "one two three"))
    await in_file(hosted, wire, file, output="en.srt")

    assert wire.texts == ["第一行字幕\n第二行\n\n<x1/>再见<x2/>"]
    written = (tmp_path / "out" / "en.srt").read_bytes().decode()
    assert written == SRT.replace("第一行字幕\r\n第二行", "one two\r\nthree").replace("再见", "word2")


async def test_words_before_the_first_cue_are_translated(hosted: Hosted, tmp_path: Path) -> None:
    (file := tmp_path / "a.srt").write_text("\n片头文字\n\n第二段\n\n00:00:01,000 --> 00:00:02,000\n你好\n", "utf-8")
    result = await in_file(hosted, wire := Translator(), file)

    assert wire.texts == ["片头文字\n第二段\n\n你好"]
    assert translation(result) == "\nword4\n\nword3\n\n00:00:01,000 --> 00:00:02,000\nword2\n"


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030"])
async def test_older_texts_are_read_in_their_encoding(hosted: Hosted, tmp_path: Path, encoding: str) -> None:
    (file := tmp_path / "a.txt").write_bytes("西湖很美。".encode(encoding))

    assert translation(await in_file(hosted, Translator(), file)) == "word4."


# --- Word ---


def document() -> Any:
    """With what people have in one."""
    made = docx.Document()
    made.add_heading("标题", 1)
    paragraph = made.add_paragraph("  这是")
    paragraph.add_run("粗体").bold = True
    paragraph.add_run("文字").italic = True
    paragraph.add_run("，很长的一段普通文字。")
    paragraph.add_run().add_break()
    paragraph.add_run("新行\t制表 ")
    table = made.add_table(2, 2)
    table.cell(0, 0).text, table.cell(0, 1).text, table.cell(1, 1).text = "单元格", "单元格", "123"
    made.sections[0].header.paragraphs[0].text = "页眉"
    made.sections[0].footer.paragraphs[0].text = "页脚"
    return made


def saved_as(file: Path, made: Any) -> Path:
    made.save(file)
    return file


async def word(hosted: Hosted, wire: FakeDashScope, file: Path, **arguments: Any) -> tuple[Any, Any]:
    result = await in_file(hosted, wire, file, output="en.docx", **arguments)
    return result, docx.Document(str(file.parent / "out" / "en.docx"))


async def test_a_word_document_keeps_its_form(hosted: Hosted, tmp_path: Path) -> None:
    wire = Translator()
    result, given = await word(hosted, wire, saved_as(tmp_path / "a.docx", document()))

    assert wire.texts[0].split("\n\n")[1] == ("这是<g2>粗体</g2><g3>文字</g3>，很长的一段普通文字。<x5/>新行<x7/>制表")
    runs = [(run.text, run.bold, run.italic) for run in given.paragraphs[1].runs]
    assert runs == [
        ("  word2", None, None), ("word2", True, None), ("word2", None, True), (",word9.", None, None),
        ("\n", None, None), ("word2", None, None), ("\t", None, None), ("word2 ", None, None),
    ]  # fmt: skip
    assert given.paragraphs[0].style.name == "Heading 1"
    assert [[cell.text for cell in row.cells] for row in given.tables[0].rows] == [["word3", "word3"], ["", "123"]]
    assert given.sections[0].header.paragraphs[0].text == "word2"
    assert given.sections[0].footer.paragraphs[0].text == "word2"
    assert "written: " in text_of(result)
    assert "".join(wire.texts).count("单元格") == 1


async def test_formats_move_with_their_words(hosted: Hosted, tmp_path: Path) -> None:
    wire = Translator(say=lambda *_: "A long <g3>slanted</g3> plain text, <g2>bold</g2>.")
    made = docx.Document()
    paragraph = made.add_paragraph("很长的一段普通文字，")
    paragraph.add_run("粗体").bold = True
    paragraph.add_run("斜体").italic = True
    _, given = await word(hosted, wire, saved_as(tmp_path / "a.docx", made))

    runs = [(run.text, run.bold, run.italic) for run in given.paragraphs[0].runs]
    assert runs == [
        ("A long ", None, None), ("slanted", None, True), (" plain text, ", None, None), ("bold", True, None), (".", None, None),
    ]  # fmt: skip


async def test_a_format_that_got_lost_is_said(hosted: Hosted, tmp_path: Path) -> None:
    wire = Translator(say=lambda *_: "A long text")
    made = docx.Document()
    made.add_paragraph("很长的一段普通文字，").add_run("粗体").bold = True
    result, given = await word(hosted, wire, saved_as(tmp_path / "a.docx", made))

    assert given.paragraphs[0].text == "A long text"
    assert "paragraph 1: 1 marks of its form were lost in the translation" in text_of(result)


def words_of(paragraph: Any) -> str:
    return "".join(words.text or "" for words in paragraph.iter(qn("w:t")))


def element(tag: str, *children: Any, **attributes: str) -> Any:
    made = OxmlElement(tag)
    for name, value in attributes.items():
        made.set(qn(f"w:{name}"), value)
    made.extend(children)
    return made


def run_of(text: str) -> Any:
    words = OxmlElement("w:t")
    words.text = text
    return element("w:r", words)


async def test_links_fields_bookmarks_and_deleted_words_stay(hosted: Hosted, tmp_path: Path) -> None:
    made = docx.Document()
    paragraph = made.add_paragraph("前面的一些文字")._p
    paragraph.append(element("w:bookmarkStart", id="1", name="b"))
    paragraph.append(element("w:hyperlink", run_of("链"), run_of("接"), anchor="b"))
    paragraph.append(run_of("中"))
    for part in (
        element("w:fldChar", fldCharType="begin"),
        element("w:instrText"),
        element("w:fldChar", fldCharType="separate"),
    ):
        paragraph.append(element("w:r", part))
    paragraph.append(run_of("域文字"))
    paragraph.append(element("w:r", element("w:fldChar", fldCharType="end")))
    paragraph.append(element("w:del", element("w:r", element("w:delText"))))
    paragraph.append(run_of("后"))
    paragraph.append(element("w:proofErr", type="spellEnd"))
    wire = Translator()
    result, given = await word(hosted, wire, saved_as(tmp_path / "a.docx", made))

    tags = [child.tag.rpartition("}")[2] for child in given.paragraphs[0]._p]
    assert wire.texts == ["前面的一些文字<g2>链接</g2>中<x4/><x5/><x6/><x7/><x8/><x9/>后"]
    assert words_of(given.paragraphs[0]._p) == "word7word2word1域文字word1"
    assert given.paragraphs[0].hyperlinks[0].text == "word2"
    assert [tags.count(tag) for tag in ("hyperlink", "del", "bookmarkStart", "proofErr")] == [1, 1, 1, 0]
    assert "not translated: words of fields" in text_of(result)


async def test_a_link_that_holds_more_than_words_is_a_piece_of_its_own(hosted: Hosted, tmp_path: Path) -> None:
    made = docx.Document()
    paragraph = made.add_paragraph("目录文字")._p
    paragraph.append(
        element("w:hyperlink", run_of("第一章"), element("w:r", OxmlElement("w:tab")), run_of("5"), anchor="b")
    )
    paragraph.append(element("w:sdt", element("w:sdtContent", run_of("控件"))))
    paragraph.append(run_of("结尾"))
    wire = Translator()
    _, given = await word(hosted, wire, saved_as(tmp_path / "a.docx", made))

    assert words_of(given.paragraphs[0]._p) == "word4word35word2word2"
    assert len(list(given.paragraphs[0]._p.iter(qn("w:tab")))) == 1


FOOTNOTES = (
    '<?xml version="1.0"?><w:footnotes xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    '<w:footnote w:id="1"><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t>脚注文字</w:t></w:r></w:p></w:footnote></w:footnotes>'
)
BOX = (
    '<w:r xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:AlternateContent><mc:Choice Requires="wps">'
    "<w:txbxContent><w:p><w:r><w:t>框中文字</w:t></w:r></w:p></w:txbxContent></mc:Choice><mc:Fallback>"
    "<w:txbxContent><w:p><w:r><w:t>框中文字</w:t></w:r></w:p></w:txbxContent></mc:Fallback></mc:AlternateContent></w:r>"
)


async def test_footnotes_and_text_boxes_are_translated(hosted: Hosted, tmp_path: Path) -> None:
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part
    from docx.oxml import parse_xml

    made = docx.Document()
    made.add_paragraph("正文")._p.append(parse_xml(BOX))
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    part = Part(PackURI("/word/footnotes.xml"), kind, FOOTNOTES.encode(), made.part.package)
    made.part.relate_to(part, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes")
    comments = Part(
        PackURI("/word/x.xml"),
        "application/vnd.openxmlformats-officedocument.drawingml.chart+xml",
        b"<a/>",
        made.part.package,
    )
    made.part.relate_to(comments, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/chart")
    result, given = await word(hosted, Translator(), saved_as(tmp_path / "a.docx", made))

    with zipfile.ZipFile(tmp_path / "out" / "en.docx") as archive:
        assert '<w:t xml:space="preserve">word4</w:t>' in archive.read("word/footnotes.xml").decode()
    assert words_of(given.paragraphs[0]._p) == "word2word4框中文字"
    assert "not translated: charts" in text_of(result)


SPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
)


def said_in(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


def with_paragraphs(*bodies: str) -> Any:
    from docx.oxml import parse_xml

    made = docx.Document()
    for body in bodies:
        made.add_paragraph()._p.extend(parse_xml(f"<w:p {SPACES}>{body}</w:p>"))
    return made


TEXT_BOX = f"<w:r><w:pict><w:txbxContent><w:p>{said_in('框')}</w:p></w:txbxContent></w:pict></w:r>"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (f"<w:ins>{said_in('插入文字')}{TEXT_BOX}</w:ins>", "word4word1"),
        (f"<w:hyperlink>{TEXT_BOX}{said_in('链接')}</w:hyperlink>{said_in('后')}", "word1word2word1"),
        (f"{said_in('很长的文字')}<w:dir w:val='rtl'>{said_in('方向')}</w:dir>", "word5word2"),
        (
            f"{said_in('很长的文字')}<mc:AlternateContent><mc:Choice Requires='w14'>{said_in('新的')}</mc:Choice>"
            f"<mc:Fallback>{said_in('旧')}</mc:Fallback></mc:AlternateContent>",
            "word5word2旧",
        ),
        (
            f"<mc:AlternateContent><mc:Choice Requires='w14'>{said_in('甲')}</mc:Choice>"
            f"<mc:Choice Requires='w15'>{said_in('甲乙')}</mc:Choice></mc:AlternateContent>{said_in('后面的')}",
            "word1word2word3",
        ),
    ],
    ids=["insertion", "link", "direction", "alternative", "alternatives"],
)
async def test_words_that_stand_in_something_are_translated(
    hosted: Hosted, tmp_path: Path, body: str, said: str
) -> None:
    result, given = await word(hosted, Translator(), saved_as(tmp_path / "a.docx", with_paragraphs(body)))

    assert words_of(given.paragraphs[0]._p) == said
    assert "untranslated" not in result.structured_content


RUBY = f"<w:r><w:ruby><w:rt>{said_in('读音')}</w:rt><w:rubyBase>{said_in('汉字')}</w:rubyBase></w:ruby></w:r>"


async def test_words_that_stay_are_told_with_their_place(hosted: Hosted, tmp_path: Path) -> None:
    moved = f"<w:moveFrom>{said_in('移走')}</w:moveFrom>{TEXT_BOX}<w:r><w:ruby/></w:r>"
    forced = f"<w:bdo w:val='rtl'>{said_in('方向')}</w:bdo>"
    made = with_paragraphs(
        said_in("甲") + moved, f"{said_in('很长的')}{RUBY}{said_in('文字')}{RUBY}", said_in("乙"), forced
    )
    result, given = await word(hosted, wire := Translator(), saved_as(tmp_path / "a.docx", made))

    assert wire.texts == ["甲\n\n框\n\n很长的<x2/>文字\n\n乙"]
    assert [words_of(each._p) for each in given.paragraphs] == [
        "word1移走word1", "word3读音汉字word2读音汉字", "word1", "方向",
    ]  # fmt: skip
    assert text_of(result).partition("\n")[0].partition("INCOMPLETE")[2] == ": 1 place not translated" + (
        f" | written: {tmp_path / 'out' / 'en.docx'}]"
    )
    assert (
        "paragraph 3 – paragraph 5: words in it with a reading above them, a forced direction or an unknown form stayed"
    ) in text_of(result)


async def test_of_a_document_that_cannot_be_written_the_words_are_given(hosted: Hosted, tmp_path: Path) -> None:
    def say(text: str, _: Any) -> Said:
        (tmp_path / "out").rmdir()
        (tmp_path / "out").write_text("in the way")
        return english(text)

    made = docx.Document()
    made.add_paragraph("西湖")
    result = await in_file(hosted, Translator(say=say), saved_as(tmp_path / "a.docx", made), output="en.docx")

    assert translation(result) == "word2"


async def test_without_its_library_a_word_document_says_how_to_get_it(
    hosted: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = saved_as(tmp_path / "a.docx", document())
    monkeypatch.setitem(sys.modules, "docx", None)
    result = await in_file(hosted, wire := Translator(), file, output="b.docx")

    assert 'pip install "bailian-mcp[documents]"' in text_of(result)
    assert wire.requests == []


async def test_runs_that_word_cut_are_one_and_a_tab_in_bold_stays_bold(hosted: Hosted, tmp_path: Path) -> None:
    made = docx.Document()
    paragraph = made.add_paragraph("西")
    paragraph.add_run("湖很")
    paragraph._p.append(run_of("美"))
    paragraph.runs[-1]._r.append(element("w:lastRenderedPageBreak"))
    paragraph.runs[-1]._r.append(run_of("丽").find(qn("w:t")))
    paragraph.add_run("粗\t体").bold = True
    paragraph.runs[-1]._r.append(run_of("字").find(qn("w:t")))
    wire = Translator()
    _, given = await word(hosted, wire, saved_as(tmp_path / "a.docx", made))

    assert wire.texts == ["西湖很美丽<g2>粗</g2><x3/><g4>体字</g4>"]
    assert [(run.text, run.bold) for run in given.paragraphs[0].runs] == [
        ("word5", None), ("word1", True), ("\t", True), ("word2", True),
    ]  # fmt: skip


# --- hostile ones ---


def archive(**entries: bytes) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in entries.items():
            made.writestr(name.replace("__", "/"), data)
    return content.getvalue()


def changed(made: Any, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """A document with one of its entries changed."""
    first, content = BytesIO(), BytesIO()
    made.save(first)
    with zipfile.ZipFile(first) as old, zipfile.ZipFile(content, "w") as new:
        for entry in old.infolist():
            data = old.read(entry)
            new.writestr(entry.filename, change(data) if entry.filename == name else data)
    return content.getvalue()


def with_entity(data: bytes) -> bytes:
    entity = (
        b'<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/hostname"><!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    )
    head, _, rest = data.partition(b"?>")
    return head + b"?>" + entity + rest.replace("标题".encode(), b"&secret;&b; word")


def bomb() -> bytes:
    return archive(**{"[Content_Types].xml": b"<a/>", "word__document.xml": b" " * 40_000_000})


def crowd() -> bytes:
    return archive(**{"word__document.xml": b"<a/>", **{f"a{number}": b"" for number in range(5_001)}})


ENCRYPTED = archive(**{"word__document.xml": b"<a/>"})
ENCRYPTED = b"".join(  # the flag of it, in both headers
    piece[:at] + bytes([piece[at] | 1]) + piece[at + 1 :]
    for piece, at in (
        (ENCRYPTED[: ENCRYPTED.index(b"PK\x01\x02")], 6),
        (ENCRYPTED[ENCRYPTED.index(b"PK\x01\x02") :], 8),
    )
)


def crowded(data: bytes) -> bytes:
    return data.replace(b"<w:sectPr", b"<w:p/>" * 20_001 + b"<w:sectPr", 1)


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (bomb, "a.docx holds more than is unpacked here. Split it."),
        (crowd, "a.docx holds more than is unpacked here. Split it."),
        (lambda: archive(a=b"x"), "a.docx is no Word document that can be read. Save it anew as .docx."),
        (lambda: archive(**{"[Content_Types].xml": b"<a"}), "a.docx is no Word document that can be read."),
        (lambda: b"PK\x03\x04 nothing", "a.docx is no Word document that can be read."),
        (lambda: ENCRYPTED, "a.docx is encrypted. Save it without a password."),
        (
            lambda: changed(docx.Document(), "word/document.xml", crowded),
            "a.docx has more than 20,000 paragraphs. Split it.",
        ),
    ],
    ids=["bomb", "crowd", "no document", "broken xml", "no archive", "encrypted", "too many paragraphs"],
)
async def test_what_is_no_harmless_document_is_refused(
    hosted: Hosted, tmp_path: Path, made: Callable[[], bytes], says: str
) -> None:
    (file := tmp_path / "a.docx").write_bytes(made())
    wire = Translator()
    result = await in_file(hosted, wire, file, output="b.docx")

    assert says in text_of(result)
    assert wire.requests == []


async def test_entities_of_a_document_are_not_looked_up(hosted: Hosted, tmp_path: Path) -> None:
    (file := tmp_path / "a.docx").write_bytes(changed(document(), "word/document.xml", with_entity))
    wire = Translator()
    await in_file(hosted, wire, file, output="b.docx")

    assert Path("/etc/hostname").read_text().strip() not in "".join(wire.texts)
    assert "aaaa" not in "".join(wire.texts)


# --- refusals ---


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"text": "x", "target_lang": " "}, "target_lang must not be empty."),
        ({}, "Give either text or file."), ({"text": "x", "file": "a.md"}, "Give either text or file."),
        ({"text": "123 --"}, "There are no words to translate in it."),
        ({"text": "西湖", "target_lang": "auto"}, "target_lang must be the English name or the code of one language"),
        ({"text": "西湖", "target_lang": "火星语"}, "target_lang must be the English name"),
        ({"text": "西湖", "source_lang": "a1"}, "source_lang must be the English name"),
        ({"text": "西湖", "source_lang": "en-GB"}, "source_lang and target_lang are both English."),
        ({"text": "西湖", "domain": "旅游"}, "domain must be in English"),
        ({"text": "西湖", "model": "qwen-plus"}, "qwen-plus does not translate this way. Use qwen-mt-flash, or `chat`"),
        ({"text": "西湖", "model": "qwen-mt-uni"}, "qwen-mt-uni does not translate this way."),
        ({"text": "西湖", "glossary": "[1]"}, "glossary holds no pairs of source and target. Write CSV"), ({"text": "西湖", "glossary": '[["a", 1]]'}, "glossary holds no pairs"), ({"text": "西湖", "memory": "{x"}, "memory holds no pairs"),
        ({"text": "西湖", "glossary": json.dumps({"a": "b" * 2_001})}, "or one of more than 2,000 characters"),
        ({"text": "西湖", "glossary": "https://example.org/a.csv"}, "a.csv holds no pairs"),
        ({"text": "西湖" * 800_000}, "The text has 1,600,000 characters; at most 1,500,000"),
        ({"text": SENTENCE * 40_000}, "at most 400 are. Give less at once."),
        ({"text": "西湖", "output": "a.txt"}, "No folder is set where files may be written. Put one into BAILIAN_OUTPUT_DIR"),
        ({"file": "https://example.org/a.md"}, "A file by URL is not translated."),
        ({"file": "data:text/plain;base64,eA==", "output": "a.docx"}, "No folder is set"),
    ],
)  # fmt: skip
async def test_what_cannot_be_translated_says_what_to_do(hosted: Hosted, arguments: dict[str, Any], says: str) -> None:
    wire = Translator()
    result = await translate(hosted, wire, **arguments)

    assert result.is_error
    assert says in text_of(result)
    assert text_of(result).endswith("Nothing was sent.")
    assert wire.requests == []


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.html", b"<p>x</p>", "a.html is of a form that is not kept. Give .txt, .md, .srt or .docx"),
        ("a.xlsx", archive(a=b"x"), "a.xlsx is of a form that is not kept."), ("a.srt", b"no cue", "a.srt has no subtitles"),
        ("a.pdf", b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>endobj", ""), ("a.docx", b"", "a.docx is no Word document"),
        ("a.wav", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + bytes(20), "a.wav is sound: `transcribe`"), ("a.png", b"\x89PNG\r\n\x1a\n", ""), ("a.txt", b"", "a.txt is empty"),
    ],
)  # fmt: skip
async def test_files_of_other_forms_say_what_to_do(
    hosted: Hosted, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (file := tmp_path / name).write_bytes(content)
    result = await in_file(hosted, wire := Translator(), file)

    assert result.is_error
    assert says in text_of(result)
    assert wire.requests == []


async def test_an_image_is_read_with_another_tool(hosted: Hosted, tmp_path: Path) -> None:
    from papers import drawn, saved

    (file := tmp_path / "a.png").write_bytes(saved(drawn("x")))

    assert "a.png is an image or a PDF. Read it with `ocr` first" in text_of(await in_file(hosted, Translator(), file))
    assert "a.png holds no pairs" in text_of(
        await translate(hosted, Translator(), granted(tmp_path), text="西湖", glossary=str(file))
    )


async def test_a_word_document_needs_a_name_to_be_written_under(hosted: Hosted, tmp_path: Path) -> None:
    file = saved_as(tmp_path / "a.docx", document())

    assert "give output, a name that ends in .docx" in text_of(await in_file(hosted, Translator(), file))
    assert "b.txt does not end in .docx" in text_of(await in_file(hosted, Translator(), file, output="b.txt"))


@pytest.mark.parametrize("content", ["<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "<a>", "<a/>"])
async def test_a_glossary_with_entities_or_without_terms_is_refused(
    hosted: Hosted, tmp_path: Path, content: str
) -> None:
    (file := tmp_path / "a.tbx").write_text(content)
    result = await translate(hosted, Translator(), granted(tmp_path), text="西湖", glossary=str(file))

    assert "a.tbx holds no pairs of source and target." in text_of(result)


@pytest.mark.parametrize("url", ["https://coding.dashscope.aliyuncs.com/v1", "http://127.0.0.1:1/v1"])
async def test_a_plan_and_other_servers_have_no_translation(hosted: Hosted, url: str) -> None:
    result = await translate(hosted, Translator(), {"host": host_of(url)}, text="西湖")

    assert "Translation is DashScope's own" in text_of(result)
    assert "`chat` works there." in text_of(result)


async def test_where_the_default_is_not_offered_chat_is_named(hosted: Hosted) -> None:
    at = host_of("", "ap-northeast-1", "ws-1")
    result = await translate(hosted, Translator(), {"host": at}, text="西湖")

    assert "not in ap-northeast-1. Use `chat` to translate." in text_of(result)


# --- whatever is given ---

PIECES = ["# ", "西湖", "。", "word ", "\n", "\r\n", " ", "\t", "- ", "> ", "| ", "`", "```", "[a](b)", "![", "](", "$", "{x}", "%s", "http://a.b/c?d=e.",
          "<b>", "<x1/>", "<g2>", "</g2>", "<!--", "-->", "<pre>", "</pre>", "$$\n", "a: b\n", "---", "***", "1. ", "[^1]:", "\\", "a line that is long enough to go on in the next", "&amp;", "\u3000"]  # fmt: skip
CUES = ["1\n", "00:00:01,000 --> 00:00:02,000\n", "西湖\n", "\n", " ", "<i>a</i>", "\r\n", "2\r\n"]


@pytest.mark.parametrize("form", [PlainText, Markdown])
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_what_is_not_translated_is_as_it_was(form: Any, text: str) -> None:
    found = form(text)

    assert found.filled({}).decode() == text
    assert found.filled({number: unit.text for number, unit in enumerate(found.units)}).decode() == text
    assert found.filled(dict.fromkeys(range(len(found.units)), "")) is not None


@given(st.lists(st.sampled_from(CUES), max_size=40).map("".join))
def test_subtitles_that_are_not_translated_are_as_they_were(text: str) -> None:
    try:
        found = Subtitles(text)
    except ValueError:
        return

    assert found.filled({}).decode() == text


# --- the setting, as it arrives ---


async def test_the_folder_of_the_setting_is_where_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# 西湖\n", "utf-8")
    with sandbox.running() as url:
        given = {
            "DASHSCOPE_BASE_URL": url, "DASHSCOPE_API_KEY": KEY, "BAILIAN_TOOLS": "documents",
            "BAILIAN_ALLOWED_DIRS": str(tmp_path), "BAILIAN_OUTPUT_DIR": str(tmp_path / "given"),
        }  # fmt: skip
        async with Client(over_pipes(**given)) as host:
            arguments = {"file": str(tmp_path / "a.md"), "target_lang": "en", "output": "b.md"}
            await host.call_tool("translate", arguments)

    assert (tmp_path / "given" / "b.md").read_text("utf-8") == "# [沙箱 English] 西湖\n"


async def test_a_folder_that_cannot_be_read_stops_what_would_be_written_and_no_other(tmp_path: Path) -> None:
    with sandbox.running() as url:
        given = {
            "DASHSCOPE_BASE_URL": url, "DASHSCOPE_API_KEY": KEY, "BAILIAN_TOOLS": "documents",
            "BAILIAN_OUTPUT_DIR": "~nobody-of-that-name/x",
        }  # fmt: skip
        async with Client(over_pipes(**given)) as host:
            told_so = await host.call_tool("translate", {"text": "西湖", "target_lang": "en", "output": "b.md"})
            done = await host.call_tool("translate", {"text": "西湖", "target_lang": "en"})

    assert text_of(told_so).startswith("BAILIAN_OUTPUT_DIR names a folder that leads nowhere")
    assert text_of(told_so).endswith("Nothing was sent.")
    assert not done.is_error


# --- the sandbox ---


@pytest.mark.parametrize("model", ["", "qwen-mt-plus"])
async def test_the_sandbox_answers_it_marked(hosted: Hosted, tmp_path: Path, model: str) -> None:
    shared = {**granted(tmp_path), "options": {"transport": httpx2.ASGITransport(sandbox.app())}}
    file = saved_as(tmp_path / "a.docx", document())
    result = await translate(hosted, FakeDashScope([]), shared, file=str(file), output="b.docx", model=model)

    given = docx.Document(str(tmp_path / "out" / "b.docx"))
    assert text_of(result).startswith("[SANDBOX | qwen-mt-")
    assert given.paragraphs[0].text == "[沙箱 English] 标题"
    assert given.paragraphs[1].runs[1].text == "粗体"


# --- what is long, or made to be ---


def quick(work: Callable[[], Any], seconds: float = 20) -> None:
    """What took minutes while its time grew with the square of its length."""
    began = time.monotonic()
    work()

    assert time.monotonic() - began < seconds


@pytest.mark.parametrize(
    "text",
    [
        "a|b\n" * 20_000,
        "a|b\n|---|---|\n" + "c|d\n" * 20_000,
        "[^a" * 100_000,
        "<!--a-->" * 100_000,
        "<!--a--> w\n" * 30_000,
        "<pre\n\n" * 100_000,
        "$$\n\n$$ y\n" * 30_000,
        "---\r\na: b\r\n" + "\r\n" * 200_000,
    ],
    ids=["bars", "table", "footnotes", "comments", "words behind", "never closed", "formulas", "front matter"],
)
def test_a_long_document_takes_no_longer_for_each_of_its_lines(text: str) -> None:
    quick(lambda: Markdown(text))


def word_of(body: str, place: str = "word/document.xml") -> bytes:
    """A file of Word whose main part holds that, and stands there."""
    made, written = BytesIO(), BytesIO()
    docx.Document().save(made)
    with zipfile.ZipFile(made) as before, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            content = before.read(name)
            if name in ("[Content_Types].xml", "_rels/.rels"):
                content = content.replace(b"word/document.xml", place.encode())
            after.writestr(name, content if name != "word/document.xml" or place != name else _story(body))
        if place != "word/document.xml":
            after.writestr(place, _story(body))
    return written.getvalue()


def _story(body: str) -> str:
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    return f'<w:document xmlns:w="{space}"><w:body><w:p>{body}</w:p></w:body></w:document>'


BOLD = "<w:r><w:rPr><w:b/></w:rPr><w:t>b </w:t></w:r>"
RUNS = {
    "by turns": f"<w:r><w:t>a </w:t></w:r>{BOLD}" * 5_000,
    "tabs": "<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t></w:r>" * 10_000,
    "links": "<w:hyperlink><w:r><w:t>a</w:t></w:r></w:hyperlink>" * 10_000,
    "nested": "<w:ins>" * 200 + "<w:r><w:t>a</w:t><w:tab/></w:r>" * 10_000 + "</w:ins>" * 200,
    "boxes": "<w:r><w:pict><w:p><w:r><w:t>a</w:t></w:r>" * 50 + "</w:p></w:pict></w:r>" * 50,
}


@pytest.mark.parametrize("case", RUNS)
def test_a_paragraph_of_many_runs_is_taken_apart_and_put_together_at_once(case: str) -> None:
    def there_and_back() -> None:
        document = WordDocument("a.docx", word_of(RUNS[case]))
        document.filled({number: unit.text for number, unit in enumerate(document.units)})

    quick(there_and_back)


@pytest.mark.parametrize(
    "made",
    [lambda: word_of("<w:r/>" * 50_001), lambda: word_of(" " * 31_000_000, "word/media/a.png")],
    ids=["runs", "as a picture"],
)
async def test_what_word_would_unpack_is_bounded_wherever_it_stands(
    hosted: Hosted, tmp_path: Path, made: Callable[[], bytes]
) -> None:
    (tmp_path / "a.docx").write_bytes(made())
    wire = FakeDashScope([stream()])
    result = await in_file(hosted, wire, tmp_path / "a.docx", output="b.docx")

    assert "a.docx holds more than is unpacked here. Split it." in text_of(result)
    assert wire.requests == []
