"""Sources and the marks that point to them: numbered once, never to nowhere."""

import pytest
from bailian_mcp.server.citations import LONGEST_URL, MOST_SOURCES, cited
from bailian_mcp.server.dashscope import Page
from hypothesis import given
from hypothesis import strategies as st


def page(index: int, url: str = "", title: str = "t", site: str = "s") -> Page:
    return Page(index, title, url or f"https://a.cn/{index}", site)


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
    found = cited(text, PAGES)

    assert found.answer == answer
    assert [source.url for source in found.sources] == [f"https://a.cn/{n}" for n in order]
    assert [source.index for source in found.sources] == [1, 2, 3]
    assert found.notes == ()


@pytest.mark.parametrize(
    ("text", "answer"),
    [("甲[ref_9]乙", "甲乙"), ("甲 [ref_9].", "甲."), ("甲[ref_9][ref_1]", "甲[1]"), ("[ref_0]", "")],
)
def test_a_mark_that_points_nowhere_is_removed_and_reported(text: str, answer: str) -> None:
    found = cited(text, PAGES)

    assert found.answer == answer
    assert any("pointed to no source were removed: ref_" in note for note in found.notes)


def test_pages_of_one_address_are_one_source_and_their_marks_agree() -> None:
    pages = [
        page(1, "https://a.cn/x"),
        page(2, "https://a.cn/x/"),
        page(3, "https://a.cn/x#part"),
        page(4, "https://a.cn/y"),
    ]

    found = cited("甲[ref_2]乙[ref_3][ref_1]丙[ref_4]", pages)

    assert found.answer == "甲[1]乙[1]丙[2]"
    assert [source.url for source in found.sources] == ["https://a.cn/x/", "https://a.cn/y"]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "file:///etc/passwd", "ftp://a.cn/", "//a.cn/x", "a.cn", "", "https://", "https://[bad",
        "https://a.cn/\u202etxt", "https://a.cn/a b", "https://a.cn/\nX: y", "https://a.cn/" + "x" * LONGEST_URL, "https://a.cn/\ud800",
    ],
)  # fmt: skip
def test_only_web_addresses_are_shown(url: str) -> None:
    found = cited("甲[ref_1]乙[ref_2]", [page(1, url) if url else Page(1, "t", "", "s"), page(2)])

    assert found.answer == "甲乙[1]"
    assert len(found.sources) == 1
    assert "Sources without a web address that can be shown, left out: 1." in found.notes


def test_titles_and_sites_fit_on_a_line() -> None:
    (source,) = cited("", [page(1, title="a\nb\u202e" + "x" * 300, site="无")]).sources

    assert source.title.startswith("a b x")
    assert len(source.title) == 200
    assert source.site == ""


def test_numbers_in_brackets_that_are_no_citations_are_told_apart() -> None:
    found = cited("数组[3]和[ref_1]", PAGES)

    assert found.answer == "数组[3]和[1]"
    assert "Not citations, but the answer's own text: [3]." in found.notes


def test_there_are_never_more_sources_than_fit() -> None:
    found = cited("[ref_60]", [page(n) for n in range(1, 61)])

    assert len(found.sources) == MOST_SOURCES
    assert found.answer == "[1]"
    assert "Sources beyond the first 50, left out: 10." in found.notes


def test_a_cited_page_beyond_the_limit_loses_its_mark() -> None:
    found = cited("".join(f"[ref_{n}]甲" for n in range(1, 61)), [page(n) for n in range(1, 61)])

    assert found.answer.endswith("[50]甲甲甲甲甲甲甲甲甲甲甲")


marks = st.lists(st.one_of(st.text(alphabet="甲 [].", max_size=3), st.integers(0, 6).map(lambda n: f"[ref_{n}]")))
pages = st.lists(
    st.builds(page, st.integers(0, 5), st.sampled_from(["", "https://a.cn/x", "https://a.cn/x/", "ftp://x"]))
)


@given(marks, pages)
def test_every_mark_points_to_a_source_and_no_old_mark_stays(pieces: list[str], found: list[Page]) -> None:
    result = cited("|".join(pieces), found)
    old, new = "|".join(pieces), result.answer

    assert "[ref_" not in new
    assert [source.index for source in result.sources] == list(range(1, len(result.sources) + 1))
    assert len({source.url.rstrip("/") for source in result.sources}) == len(result.sources)
    if "[ref_" not in old:
        assert new == old
