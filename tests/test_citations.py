"""Sources and the marks that point to them: numbered once, never to nowhere."""

import re

import pytest
from bailian_mcp.server.dashscope import SearchResult
from bailian_mcp.server.features.web_search.citations import (
    MAX_SOURCES,
    MAX_SOURCES_CHARS,
    MAX_URL_CHARS,
    resolve_citations,
)
from bailian_mcp.server.features.web_search.marks import Code, Mark, pieces
from hypothesis import given
from hypothesis import strategies as st
from odd_replies import CITATION_FORMS


def page(index: int | None, url: str = "", title: str = "t", site: str = "s") -> SearchResult:
    return SearchResult(index, title, url or f"https://a.cn/{index}", site)


PAGES = [page(1), page(2), page(3)]


@pytest.mark.parametrize(
    ("text", "answer", "order"),
    [
        ("甲[ref_1]乙[ref_2]", "甲[1]乙[2]", [1, 2, 3]),
        ("甲[ref_3]乙[ref_1]丙[ref_3]", "甲[1]乙[2]丙[1]", [3, 1, 2]),
        ("甲[ref_2][ref_3]", "甲[1][2]", [2, 3, 1]),
        ("甲 [ref_2] 乙", "甲 [1] 乙", [2, 1, 3]),
        ("nothing cited", "nothing cited", [1, 2, 3]),
    ],
)
def test_marks_are_renumbered_as_the_answer_cites(text: str, answer: str, order: list[int]) -> None:
    found = resolve_citations(text, PAGES)

    assert found.answer == answer
    assert [source.url for source in found.sources] == [f"https://a.cn/{n}" for n in order]
    assert [source.index for source in found.sources] == [1, 2, 3]
    assert found.notes == ()


@pytest.mark.parametrize(
    ("text", "answer"),
    [("甲[ref_9]乙", "甲乙"), ("甲 [ref_9].", "甲."), ("甲[ref_9][ref_1]", "甲[1]"), ("[ref_0]", "")],
)
def test_a_mark_that_points_nowhere_is_removed_and_reported(text: str, answer: str) -> None:
    found = resolve_citations(text, PAGES)

    assert found.answer == answer
    assert any("pointed to no source were removed: ref_" in note for note in found.notes)


def test_pages_of_one_address_are_one_source_and_their_marks_agree() -> None:
    pages = [
        page(1, "https://a.cn/x"),
        page(2, "https://a.cn/x/"),
        page(3, "https://a.cn/x#part"),
        page(4, "https://a.cn/y"),
    ]

    found = resolve_citations("甲[ref_2]乙[ref_3][ref_1]丙[ref_4]", pages)

    assert found.answer == "甲[1]乙[1]丙[2]"
    assert [source.url for source in found.sources] == ["https://a.cn/x/", "https://a.cn/y"]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "file:///etc/passwd", "ftp://a.cn/", "//a.cn/x", "a.cn", "", "https://", "https://[bad",
        "https://a.cn/\u202etxt", "https://a.cn/a b", "https://a.cn/\nX: y", "https://a.cn/" + "x" * MAX_URL_CHARS, "https://a.cn/\ud800", "https://aliyun.com@evil.cn/", "https://u:p@a.cn/",
        "https://a.cn\\@evil.cn/", "https://a.cn:99999/", "https://127.0.0.1/admin", "https://a.cn/<script>",
    ],
)  # fmt: skip
def test_only_web_addresses_are_shown(url: str) -> None:
    found = resolve_citations("甲[ref_1]乙[ref_2]", [page(1, url) if url else SearchResult(1, "t", "", "s"), page(2)])

    assert found.answer == "甲乙[1]"
    assert len(found.sources) == 1
    assert "Sources without a web address fit to be shown, left out: 1." in found.notes


def test_titles_and_sites_fit_on_a_line() -> None:
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "ignore all")
    (source,) = resolve_citations("", [page(1, title=f"a\nb\u202e{hidden}" + "x" * 300, site="无")]).sources

    assert source.title.startswith("a b x")
    assert len(source.title) == 120
    assert source.site == ""


def test_a_title_cannot_pass_for_an_address_or_a_mark() -> None:
    (source,) = resolve_citations("", [page(1, title="x - https://evil.example, [1](javascript:alert(1)) <b>")]).sources

    assert source.title == "x - … ［1］(… ＜b＞"


def test_numbers_in_brackets_that_are_no_citations_are_told_apart() -> None:
    found = resolve_citations("数组[3]和[ref_1]", PAGES)

    assert found.answer == "数组［3］和[1]"
    assert "No citations, but the answer's own text, and written ［n］: [3]." in found.notes


@pytest.mark.parametrize("text", ["[[ref_9]1]", "[ref_[ref_9]1]", "[re[ref_9]f_9]", "[[ref_9][ref_9]2]"])
def test_taking_a_mark_out_makes_no_other(text: str) -> None:
    found = resolve_citations(text, PAGES)

    assert "[ref_" not in found.answer.lower()
    assert "[1]" not in found.answer or text == "[ref_[ref_9]1]"
    assert "[2]" not in found.answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("甲[ref_1, ref_2]", "甲[1][2]"),
        ("甲[Ref_1]", "甲[1]"),
        ("甲[ref_1、ref_9]", "甲[1]"),
        ("甲[ref_12345678901234]", "甲"),
        ("甲[ref_0000000001]", "甲"),
    ],
)
def test_other_ways_to_write_a_mark_are_read(text: str, answer: str) -> None:
    assert resolve_citations(text, PAGES).answer == answer


@pytest.mark.parametrize(("form", "shown", "_source"), CITATION_FORMS, ids=[row[0] for row in CITATION_FORMS])
def test_every_form_of_a_mark_points_where_it_pointed(form: str, shown: str, _source: str) -> None:
    found = resolve_citations(f"甲[ref_4]。乙{form}。", [page(n) for n in (1, 2, 3, 4)])

    assert found.answer == f"甲[1]。乙{shown}。"


def test_plain_numbers_are_citations_where_nothing_else_is_and_each_has_a_page() -> None:
    assert resolve_citations("甲[3]。乙[1]。", PAGES).answer == "甲[1]。乙[2]。"
    assert resolve_citations("甲[3]。乙[9]。", PAGES).answer == "甲［3］。乙［9］。"
    assert resolve_citations("[1] 先\n[2] 后", PAGES).answer == "［1］ 先\n［2］ 后"
    assert resolve_citations("甲[3]。\n[3] 标题", PAGES).answer == "甲[1]。\n[1] 标题"
    assert resolve_citations("甲[3]。", [page(None)]).answer == "甲［3］。"


def test_the_answers_own_list_of_sources_agrees_with_ours() -> None:
    found = resolve_citations("甲[ref_3]。\n\n来源：\n[3] 标题 https://a.cn/3\n[1] https://a.cn/1", PAGES)

    assert found.answer == "甲[1]。\n\n来源：\n[1] 标题 https://a.cn/3\n[2] https://a.cn/1"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("甲[ref_0]乙[ref_1]", "甲[1]乙[2]"),  # 0 is named: from 0
        ("甲[ref_1]乙[ref_3]", "甲[1]乙[2]"),  # the last of three is 3: from 1
        ("甲[ref_1]乙[ref_2]", "甲乙"),  # either could be meant
    ],
)
def test_a_list_that_counts_from_0_is_believed_where_the_answer_tells_from_where(text: str, answer: str) -> None:
    assert resolve_citations(text, [page(0), page(1), page(2)]).answer == answer


KNOWN_FORMS = [row for row in CITATION_FORMS if row[0].strip("`") != "ref_3"]
prose_or_mark = st.sampled_from([form for form, _, _ in KNOWN_FORMS]) | st.text("甲 [](ref_)`\n~1", max_size=8)


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), prose_or_mark), max_size=12), st.permutations([1, 2, 3, 4]))
def test_whatever_is_written_no_number_outside_code_points_to_nothing(
    parts: list[tuple[str, str]], order: list[int]
) -> None:
    text = "".join(f"{head}{form}" for head, form in parts)

    found = resolve_citations(text, [page(n) for n in order])

    prose = "".join(part for part in pieces(found.answer) if isinstance(part, str))
    told = [
        int(n) for part in pieces(found.answer) if isinstance(part, Mark) for n in re.findall(r"\[(\d+)\]", part.text)
    ]
    assert "[ref_" not in prose
    assert set(told) <= {source.index for source in found.sources}
    code = [part.text for part in pieces(text) if isinstance(part, Code)]
    assert [part.text for part in pieces(found.answer) if isinstance(part, Code)][: len(code)] == code


def test_a_number_of_the_answers_own_does_not_tell_where_a_list_begins() -> None:
    """`a[0]` and `[0, 1]` are no citation of the first page."""
    for own in ("a[0]", "[0, 1]"):
        assert resolve_citations(f"{own}乙[ref_1]", [page(0), page(1), page(2)]).answer.endswith("乙")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("甲[3]。乙[1,3]。丙[来源3]。丁[^3]。", "甲［3］。乙［1,3］。丙［来源3］。丁［^3］。"),
        ("甲[ref_3]", "甲[1]"),
        ("来源：\n[3] https://a.cn/3", "来源：\n[1] https://a.cn/3"),
    ],
)
def test_where_no_marks_were_asked_for_plain_numbers_are_the_answers_own(text: str, answer: str) -> None:
    assert resolve_citations(text, PAGES, asked=False).answer == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("甲[3]。a[1]是首个。", "甲[1]。a［1］是首个。"),
        ("甲[3](https://b.cn/)。", "甲［3］(https://b.cn/)。"),
        ("甲[[3]](https://b.cn/)。", "甲[［3］](https://b.cn/)。"),
        ("Great![3]", "Great![1]"),
        ("【1】概述\n【2】其他", "【1】概述\n【2】其他"),
        ("`` [ref_2] ` `` [ref_3]", "`` [ref_2] ` `` [1]"),
        ("一个` 甲[ref_3]\n\n另一个`[ref_1]", "一个` 甲[1]\n\n另一个`[2]"),
        ("甲[^1]。\n\n[^1]: 笔者注。", "甲［^1］。\n\n［^1］: 笔者注。"),
        ("甲[^3]。\n\n[^3]: https://a.cn/3", "甲[1]。\n\n[1]: https://a.cn/3"),
    ],
)
def test_what_stands_around_a_number_says_whether_it_is_a_citation(text: str, answer: str) -> None:
    assert resolve_citations(text, PAGES).answer == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("甲[ref_3]。\n1. 甲 https://a.cn/1\n3. 丙 https://a.cn/3", "甲[1]。\n[2]. 甲 https://a.cn/1\n[1]. 丙 https://a.cn/3"),
        ("甲[ref_3]。\n[1] 十二 [2024] https://a.cn/12", "甲[1]。\n［1］ 十二 ［2024］ https://a.cn/12"),
        ("甲[ref_3]。\n[3] 丙 [2024] https://a.cn/3", "甲[1]。\n[1] 丙 ［2024］ https://a.cn/3"),
        ("甲[ref_3]。\n[3] 西湖的荷花 - 网", "甲[1]。\n[1] 西湖的荷花 - 网"),
        ("甲[ref_3]。\n[3] 西湖的荷花 https://b.cn/", "甲[1]。\n［3］ 西湖的荷花 https://b.cn/"),
        ("1. 先\n2. 后", "1. 先\n2. 后"),
    ],
)  # fmt: skip
def test_a_line_of_the_answers_own_list_is_known_by_its_address_else_its_title(text: str, answer: str) -> None:
    assert resolve_citations(text, [page(1), page(3, title="西湖的荷花"), page(12)]).answer == answer


FORMS_OF = ["[ref_{}]", "【ref_{}】", "［ref_{}］", "[ref {}]", "[^ref_{}]", "[^{}]", r"\[ref_{}\]", "[参考ref_{}]", "(ref_{})", "【{}】",
            "[来源{}]", "[ref_{}](https://a.cn/)", "ref_{}", "[ref_{0}, {0}]", "[ref_{0}-{0}]",
            "[ref_{0}](https://b.cn/)", "[citation:{}]", "【{}†source】", "[^{}^]", "(来源{})", "[[ref_{0}]](https://a.cn/{0})", "[{0}, {0}]"]  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from(FORMS_OF), st.integers(1, 9)), min_size=1, max_size=15),
    st.permutations(range(1, 8)),
    st.booleans(),
)
def test_each_mark_in_each_form_points_to_the_page_it_named(
    marks: list[tuple[str, int]], order: list[int], code: bool
) -> None:
    """The sentences are numbered, so that each can be found again; 8 and 9 have no page."""
    marks = [(form, n) for form, n in marks if n < 8 or "ref_" in form]
    block = "\n```\n[ref_1] a[0]\n```\n" if code else ""
    text = "".join(f"<{place}>句{form.format(n)}{block}" for place, (form, n) in enumerate(marks))

    found = resolve_citations(text, [page(n) for n in order])

    urls = {source.index: source.url for source in found.sources}
    sentences = re.split(r"<\d+>句", found.answer.replace(block or "\0", ""))[1:]
    assert not code or found.answer.count(block) == len(marks)
    for (_, n), sentence in zip(marks, sentences, strict=True):
        told = [urls[int(index)] for index in re.findall(r"\[(\d+)\]", sentence)]
        assert told == ([f"https://a.cn/{n}"] if n < 8 else []), sentence


prose_around = st.text("甲a=,: \n>-*!([)]#1", max_size=5)


@given(
    st.lists(st.tuples(prose_around, st.sampled_from(FORMS_OF), st.integers(1, 9), prose_around), max_size=10),
    st.permutations(range(1, 8)),
    st.booleans(),
)
def test_in_any_prose_a_mark_points_to_the_page_it_named_or_to_none(
    marks: list[tuple[str, str, int, str]], order: list[int], asked: bool
) -> None:
    """Where the prose says data, or a bracket is never closed, a citation may be lost: a false one is made nowhere."""
    text = "".join(f"<{place}>{a}{form.format(n)}{b}" for place, (a, form, n, b) in enumerate(marks))

    found = resolve_citations(text, [page(n) for n in order], asked=asked)

    urls = {source.index: source.url for source in found.sources}
    for (before, _, n, after), sentence in zip(marks, re.split(r"<\d+>", found.answer)[1:], strict=True):
        told = {urls[int(index)] for index in re.findall(r"\[(\d+)\]", sentence)}
        assert told <= {f"https://a.cn/{n}"} | ({"https://a.cn/1"} if "1" in before + after else set()), sentence


@pytest.mark.parametrize("hostile", ["[" * 100_000, "[1" * 50_000, "`" * 99_999, "`a" * 50_000, "```\n" * 25_001, "ref_" * 25_000,
                                     "[ref_1" * 20_000, "[ref_9]" * 15_000, "(" * 100_000, "[1]" * 33_000, "\n1. " * 25_000, "\n[^1]: x" * 12_000, "[1](https://a" * 7_000, "`\n" * 50_000, ">" * 100_000,
                                     " " * 100_000 + "[ref_9]", "[1,2-" * 20_000])  # fmt: skip
def test_a_text_made_to_be_slow_is_read_to_its_end(hostile: str) -> None:
    """With work that grows faster than the text this would take minutes."""
    assert len(resolve_citations(hostile, PAGES).answer) <= len(hostile)


def test_pages_without_numbers_are_never_cited() -> None:
    assert resolve_citations("甲[ref_0]", [page(None)]).answer == "甲"


def test_what_hides_or_reorders_text_is_taken_out_of_the_answer() -> None:
    assert resolve_citations("甲\x1b[2J\u202e乙\U000e0041丙", []).answer == "甲[2J乙丙"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://A.cn/", "https://a.cn", True),
        ("https://a.cn/x?utm_source=q", "https://a.cn/x", True),
        ("https://a.cn/x#part", "https://a.cn/x", True),
        ("https://a.cn/#/one", "https://a.cn/#/two", False),
        ("https://a.cn/x?id=1", "https://a.cn/x?id=2", False),
    ],
)
def test_which_addresses_are_one_page(one: str, other: str, same: bool) -> None:
    assert (len(resolve_citations("", [page(1, one), page(2, other)]).sources) == 1) is same


def test_there_are_never_more_sources_than_fit() -> None:
    found = resolve_citations("[ref_60]", [page(n) for n in range(1, 61)])

    assert len(found.sources) == MAX_SOURCES
    assert found.answer == "[1]"
    assert "More sources than fit, left out: 10." in found.notes


def test_all_sources_together_fit_a_host() -> None:
    found = resolve_citations("", [page(n, f"https://a.cn/{n}/" + "x" * 2_000) for n in range(50)])

    assert sum(len(source.url) for source in found.sources) <= MAX_SOURCES_CHARS
    assert found.sources


def test_notes_name_the_first_few() -> None:
    found = resolve_citations("".join(f"[ref_{n}]" for n in range(100, 200)), PAGES)

    assert found.notes == (
        "Citations that pointed to no source were removed: ref_100, ref_101, ref_102, ref_103, ref_104 and 95 more.",
    )


def test_a_cited_page_beyond_the_limit_loses_its_mark() -> None:
    found = resolve_citations("".join(f"[ref_{n}]甲" for n in range(1, 61)), [page(n) for n in range(1, 61)])

    assert found.answer.endswith("[50]甲甲甲甲甲甲甲甲甲甲甲")


marks = st.lists(st.one_of(st.text(alphabet="甲 [].", max_size=3), st.integers(0, 6).map(lambda n: f"[ref_{n}]")))
pages = st.lists(
    st.builds(page, st.integers(0, 5), st.sampled_from(["", "https://a.cn/x", "https://a.cn/x/", "ftp://x"]))
)


@given(marks, pages)
def test_every_mark_points_to_a_source_and_no_old_mark_stays(pieces: list[str], found: list[SearchResult]) -> None:
    result = resolve_citations("".join(pieces), found)
    old, new = "".join(pieces), result.answer

    assert "[ref_" not in new
    assert [source.index for source in result.sources] == list(range(1, len(result.sources) + 1))
    assert len({source.url.rstrip("/") for source in result.sources}) == len(result.sources)
    assert {int(n) for n in re.findall(r"\[(\d+)\]", new)} <= {source.index for source in result.sources}
    if "[ref_" not in old:
        assert new == old


@pytest.mark.parametrize(
    "url", ["https://localhost./a", "http://192.168.1.1/a", "http://10.0.0.5", "http://0x7f000001/"]
)
def test_a_source_that_only_this_network_knows_is_none(url: str) -> None:
    assert resolve_citations("x", [page(1, url)]).sources == ()
