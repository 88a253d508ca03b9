"""Passages by what they mean: exact words, with page and offsets; what was paid once is never paid again."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import papers
import pytest
from bailian_mcp.server.calls.call import Call
from bailian_mcp.server.calls.context import AppContext
from bailian_mcp.server.calls.progress import Progress
from bailian_mcp.server.calls.purse import Payer
from bailian_mcp.server.endpoints import host as host_at
from bailian_mcp.server.features.meaning.embedding import EmbeddingRun
from bailian_mcp.server.spending import Caps, VectorCache
from conftest import HOST, FakeDashScope, Hosted, dashscope, refusal, text_of
from mcp import Client
from meaning_wire import EMBEDDINGS, RERANK, Watched

pytestmark = pytest.mark.anyio
LAKE = "西湖位于浙江省杭州市，三面环山，湖中有三潭印月。"
TEA = "龙井茶产于西湖西面的龙井村，清明前采的最好。"
RIVER = "长江发源于青藏高原，全长约6300公里，在上海入海。"
QUERY = "龙井茶产自哪里？"
Asked = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def era() -> str:
    return "2026-07-28"  # what is found does not depend on it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "old").mkdir(parents=True)
    pages = (
        ("The West Lake is in Hangzhou, 12,345.67 square metres.",),
        ("一种芯片散热装置，包括基座、散热翅片和风扇。",),
    )
    (tmp_path / "docs" / "lake.pdf").write_bytes(papers.pdf(pages))
    (tmp_path / "docs" / "tea.md").write_text(f"# 茶\n\n{TEA}\n\n{'无关的话。' * 150}", "utf-8")
    (tmp_path / "docs" / "old" / "river.txt").write_bytes(RIVER.encode("gb18030"))
    return tmp_path


@pytest.fixture
def asking(hosted: Hosted, folder: Path, tmp_path: Path) -> Asked:
    """A server over that wire, with vectors kept where an earlier one kept them."""

    def connect(wire: Watched, **shared: Any) -> AbstractAsyncContextManager[Client]:
        given = {"folders": (folder,), "vector_cache": VectorCache(tmp_path / "state"), **shared}
        return hosted(FakeDashScope([]), options={"transport": wire}, **given)

    return connect


async def found(client: Client, *files: Path | str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool("search_documents", {"query": QUERY, "files": list(map(str, files)), **arguments})
    assert not result.is_error, text_of(result)
    return dict(result.structured_content or {})


async def failed(client: Client, *files: Path | str, **arguments: Any) -> str:
    result = await client.call_tool("search_documents", {"query": QUERY, "files": list(map(str, files)), **arguments})
    assert result.is_error
    return text_of(result)


def named(body: dict[str, Any]) -> list[str]:
    return [Path(each["file"]).name for each in body["passages"]]


# --- while it runs ---


async def test_a_search_under_way_tells_of_its_passages_and_shows_no_answer_that_has_no_words(asking: Asked) -> None:
    told: list[str] = []
    released = anyio.Event()

    async def see(_: float, __: float | None, message: str | None) -> None:
        told.append(message or "")

    async def slow_rerank(body: dict[str, Any]) -> None:
        if "documents" in body:
            await released.wait()

    async with asking(Watched(slow_rerank), soft_timeout_s=0.5) as client:
        asked = {"query": QUERY, "texts": [TEA, LAKE]}
        result = await client.call_tool("search_documents", asked, progress_callback=see)
        released.set()

    assert text_of(result).startswith("[SANDBOX | RUNNING")
    assert "\n" not in text_of(result)
    assert "untrusted" not in text_of(result)
    assert told
    assert not any("began" in line for line in told)


# --- what is found ---


async def test_the_passage_that_answers_stands_first_in_exact_words(asking: Asked, folder: Path) -> None:
    wire = Watched()
    async with asking(wire) as client:
        told = await found(client, folder / "docs" / "**" / "*")

    text = (folder / "docs" / "tea.md").read_text("utf-8")
    first = told["passages"][0]
    assert first["file"] == str(folder / "docs" / "tea.md")
    assert TEA in first["text"]
    assert text[first["start"] : first["end"]] == first["text"]
    assert set(named(told)) == {"tea.md", "lake.pdf", "river.txt"}
    assert (told["documents"], told["reranked_by"]) == (3, "qwen3-rerank")
    assert [each["score"] for each in told["passages"]] == sorted((p["score"] for p in told["passages"]), reverse=True)
    assert [path for path, _ in wire.sent] == [EMBEDDINGS, EMBEDDINGS, RERANK]


async def test_a_passage_of_a_pdf_tells_the_page_where_it_begins(asking: Asked, folder: Path) -> None:
    (folder / "long.pdf").write_bytes(papers.pdf([[f"{page:03}"] * 30 for page in range(1, 41)]))
    async with asking(Watched()) as client:
        told = await found(client, folder / "long.pdf", query="017", top=20)

    places = [(each["page"], int(each["text"].split()[0])) for each in told["passages"]]
    assert len(places) > 3
    assert all(page == number for page, number in places)
    assert "017" in told["passages"][0]["text"]


async def test_texts_of_the_call_are_searched_too_and_top_limits_what_comes(asking: Asked) -> None:
    wire = Watched()
    async with asking(wire) as client:
        told = await found(client, texts=[RIVER, TEA, LAKE], top=1)

    assert [(each["file"], each["text"]) for each in told["passages"]] == [("texts[1]", TEA)]
    assert wire.reranks[0]["top_n"] == 1


async def test_its_result_stands_between_lines_that_no_document_can_foresee(asking: Asked) -> None:
    async with asking(Watched(), structured=False) as client:
        text = text_of(await client.call_tool("search_documents", {"query": QUERY, "texts": [TEA, LAKE]}))

    line, begin, place, words, *_, end = text.splitlines()
    fence = begin.removeprefix("<passages ").partition(":")[0]
    assert line.startswith("[SANDBOX | qwen3.7-text-embedding | ")
    assert "reranked by qwen3-rerank | documents: 2, passages: 2 | tokens of texts: " in line
    assert place.startswith("<1: texts[0], 0-22, ")
    assert place.endswith(f" {fence}>")
    assert (words, end) == (TEA, f"</passages {fence}>")


# --- what it costs ---


async def test_the_second_search_costs_the_query_alone_after_a_restart_too(asking: Asked, folder: Path) -> None:
    async with asking(Watched()) as client:
        first = await found(client, folder / "docs" / "**" / "*")
    wire = Watched()
    async with asking(wire) as client:
        again = await found(client, folder / "docs" / "**" / "*", query="西湖在哪里？", rerank_model="none")

    assert first["new_tokens"] > 0
    assert first["cached_tokens"] == again["new_tokens"] == 0
    assert again["cached_tokens"] > 0
    assert (wire.documents, wire.queries) == ([], ["西湖在哪里？"])
    assert again["usage"]["input_tokens"] == len("西湖在哪里？")


async def test_only_the_file_that_changed_is_sent_again(asking: Asked, folder: Path) -> None:
    wire = Watched()
    async with asking(wire) as client:
        await found(client, folder / "docs" / "**" / "*")
        (folder / "docs" / "old" / "river.txt").write_text("黄河在山东入海。", "utf-8")
        wire.sent.clear()
        told = await found(client, folder / "docs" / "**" / "*", query="黄河在哪里入海？")

    assert wire.documents == [["黄河在山东入海。"]]
    assert told["passages"][0]["text"] == "黄河在山东入海。"


async def test_without_a_state_folder_vectors_live_as_long_as_the_process(asking: Asked) -> None:
    wire = Watched()
    async with asking(wire, vector_cache=VectorCache()) as client:
        await found(client, texts=[TEA, LAKE])
        await found(client, texts=[TEA, LAKE], query="西湖")

    assert len(wire.documents) == 1


async def test_another_model_has_other_vectors(asking: Asked) -> None:
    wire = Watched()
    async with asking(wire) as client:
        for model in ("text-embedding-v4", "qwen3.7-text-embedding-flash", "text-embedding-v4"):
            await found(client, texts=[TEA, LAKE], model=model)

    assert len(wire.documents) == 2


async def test_what_one_client_paid_for_is_no_other_s(tmp_path: Path) -> None:
    """Over HTTP: else what is cached would tell who else has a text."""
    wire, cache = Watched(), VectorCache(tmp_path)
    async with dashscope(FakeDashScope([]), transport=wire) as service:
        for client in ("ann", "ben", "ann"):
            call = Call(AppContext(service, HOST, vector_cache=cache), Progress(nobody), payer=Payer(client=client))
            run = EmbeddingRun(call, "text-embedding-v4", [[TEA]])
            await run.prepare()
            await run.run()

    assert wire.documents == [[TEA], [TEA]]


async def nobody(*_: Any) -> None:
    """Who hears of it."""


async def test_the_price_of_what_is_new_is_told_before_it_is_sent(asking: Asked) -> None:
    wire, messages = Watched(), list[str]()

    async def keep(progress: float, total: float | None, message: str | None) -> None:
        messages.append(f"{len(wire.sent)} sent: {message}")

    async with asking(wire) as client:
        await client.call_tool("search_documents", {"query": QUERY, "texts": [TEA, LAKE]}, progress_callback=keep)

    assert "0 sent: 2 texts become vectors: about 53 tokens, 0.0000265 CNY" in messages


async def test_batches_hold_what_a_model_takes(asking: Asked) -> None:
    wire = Watched()
    async with asking(wire) as client:
        await found(client, texts=[f"{TEA}{n}" for n in range(45)])
        await found(client, texts=[f"{TEA}{n}" for n in range(25)], model="text-embedding-v4")

    sizes = [len(texts) for texts in wire.documents]
    assert max(sizes[:-3]) <= 20
    assert sorted(sizes[-3:]) == [5, 10, 10]
    assert sum(sizes) == 70


@pytest.mark.parametrize(
    ("service", "sizes"), [("https://dashscope.aliyuncs.com", [10]), ("https://dashscope-intl.aliyuncs.com", [2, 8])]
)
async def test_a_region_that_takes_fewer_tokens_gets_smaller_batches(
    asking: Asked, service: str, sizes: list[int]
) -> None:
    wire = Watched()
    texts = [f"{number}{'湖' * 700}" for number in range(10)]
    async with asking(wire, host=host_at(service)) as client:
        await found(client, texts=texts, model="text-embedding-v4", rerank_model="none")

    assert sorted(map(len, wire.documents)) == sizes


# --- in order ---


async def test_each_rerank_model_is_asked_in_its_own_form(asking: Asked) -> None:
    wire = Watched()
    async with asking(wire) as client:
        flat = await found(client, texts=[TEA, LAKE])
        native = await found(client, texts=[TEA, LAKE], rerank_model="gte-rerank-v2")

    (flat_path, flat_body), (native_path, native_body) = [sent for sent in wire.sent if "rerank" in sent[0]]
    assert (flat_path, flat_body["query"], flat_body["documents"]) == (RERANK, QUERY, [TEA, LAKE])
    assert native_path == "/api/v1/services/rerank/text-rerank/text-rerank"
    assert native_body["input"] == {"query": QUERY, "documents": [TEA, LAKE]}
    assert native_body["parameters"] == {"return_documents": False, "top_n": 5}
    assert (flat["reranked_by"], native["reranked_by"]) == ("qwen3-rerank", "gte-rerank-v2")
    assert native["passages"] == flat["passages"]


async def test_a_rerank_that_fails_leaves_the_order_of_the_vectors(asking: Asked) -> None:
    async def broken(body: dict[str, Any]) -> httpx2.Response | None:
        return refusal(500, "InternalError", "boom") if "query" in body else None

    async with asking(Watched(broken)) as client:
        told = await found(client, texts=[RIVER, TEA, LAKE])

    assert named(told)[0] == "texts[1]"
    assert told["reranked_by"] == ""
    assert told["notes"][0].startswith(
        "In the order of their vectors, since rerank failed: DashScope had an internal error"
    )


async def test_a_rerank_that_ranks_none_leaves_the_order_of_the_vectors(asking: Asked) -> None:
    async def empty(body: dict[str, Any]) -> httpx2.Response | None:
        told = {"results": [{"index": 7, "relevance_score": 1}], "usage": {"total_tokens": 9}}
        return httpx2.Response(200, json=told) if "query" in body else None

    async with asking(Watched(empty)) as client:
        told = await found(client, texts=[RIVER, TEA, LAKE])

    assert named(told)[0] == "texts[1]"
    assert told["notes"] == ["In the order of their vectors, since rerank ranked none."]


async def test_no_more_is_reranked_than_one_request_takes(asking: Asked) -> None:
    wire = Watched()
    async with asking(wire) as client:
        await found(
            client,
            texts=["".join(f"西湖{n}号的茶，" for n in range(part, part + 90)) for part in range(200)],
            rerank_model="gte-rerank-v2",
        )

    (body,) = wire.reranks
    documents = body["input"]["documents"]
    assert 10 < len(documents) < 50
    assert sum(map(len, documents)) + len(QUERY) * len(documents) < 30_000


# --- what goes wrong ---


def filtered(mark: str) -> Callable[[dict[str, Any]], Any]:
    async def fault(body: dict[str, Any]) -> httpx2.Response | None:
        texts = body.get("input", {}).get("texts", ())
        wrong = any(mark in text for text in texts) and body["parameters"]["text_type"] == "document"
        return refusal(400, "DataInspectionFailed", "Input data may contain inappropriate content.") if wrong else None

    return fault


MANY = [f"{TEA}第{n}段" for n in range(60)]
SIX: dict[str, Any] = {"texts": MANY, "model": "text-embedding-v4"}  # batches: it takes ten texts at once


async def test_a_batch_that_fails_costs_no_other_and_is_tried_again_by_the_next_call(asking: Asked) -> None:
    async with asking(Watched(filtered("第30段"))) as client:
        told = await found(client, **SIX)
    wire = Watched()
    async with asking(wire) as client:
        again = await found(client, **SIX)

    assert (told["searched"], again["searched"]) == (50, 60)
    assert told["incomplete"].startswith(
        "10 of 60 texts have no vectors: DashScope's content filter stopped the question."
    )
    assert wire.documents == [MANY[30:40]]
    assert "incomplete" not in again


async def test_where_nothing_more_can_come_what_was_paid_is_kept_and_said(asking: Asked) -> None:
    async def broke(body: dict[str, Any]) -> httpx2.Response | None:
        texts = body.get("input", {}).get("texts", ())
        owes = any(text.endswith("0段") and text not in (*MANY[:20], QUERY) for text in texts)
        return (
            refusal(400, "Arrearage", "Access denied, please make sure your account is in good standing.")
            if owes
            else None
        )

    async with asking(Watched(broke)) as client:
        text = await failed(client, **SIX)
    wire = Watched()
    async with asking(wire) as client:
        await found(client, **SIX)

    assert text.startswith("The Alibaba Cloud account owes money")
    assert "20 of 60 vectors are kept: the same call again costs the rest only. Spent: " in text
    assert sorted(wire.documents) == [MANY[at : at + 10] for at in (20, 30, 40, 50)]


async def test_three_failed_batches_end_it(asking: Asked) -> None:
    wire = Watched(filtered("段"))
    async with asking(wire) as client:
        text = await failed(client, texts=[f"{TEA}第{n}段" for n in range(400)])

    assert text.startswith("DashScope's content filter stopped the question.")
    assert len(wire.documents) < 10


async def test_a_cancelled_search_keeps_what_came(asking: Asked) -> None:
    reached = anyio.Event()

    async def hangs(body: dict[str, Any]) -> httpx2.Response | None:
        if any(text.endswith("第59段") for text in body.get("input", {}).get("texts", ())):
            reached.set()
            await anyio.sleep_forever()
        return None

    wire = Watched(hangs)
    async with asking(wire) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(partial(client.call_tool, "search_documents", {"query": QUERY, **SIX}))
        await reached.wait()
        while len(wire.documents) < 6:
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    again = Watched()
    async with asking(again) as client:
        await found(client, **SIX)

    assert MANY[50:] in again.documents
    assert len(again.documents) < 6


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"output": {"embeddings": [{"text_index": 0, "embedding": ["x"]}]}}, "sent a line of an unknown form"),
        ({"output": {"embeddings": [{"text_index": True, "embedding": [1]}]}}, "sent a line of an unknown form"),
        ({"output": {"embeddings": [{"text_index": 0, "embedding": []}]}}, "sent a line of an unknown form"),
        ({"output": {"embeddings": [{"text_index": 0, "embedding": [1e300]}]}}, "sent a line of an unknown form"),
        ({"output": {"embeddings": []}, "usage": {"total_tokens": 5}}, "DashScope gave no vector for the query. Call again."),
        ({"code": "InvalidParameter", "message": "no"}, "DashScope refused the request"),
    ],
)  # fmt: skip
async def test_a_query_without_a_vector_is_said(asking: Asked, given: dict[str, Any], says: str) -> None:
    async def odd(_: dict[str, Any]) -> httpx2.Response:
        return httpx2.Response(200, json=given)

    wire = Watched(odd)
    async with asking(wire) as client:
        text = await failed(client, texts=[TEA])

    assert says in text
    assert len(wire.sent) == 1


async def test_fewer_vectors_than_texts_are_said_and_the_rest_is_searched(asking: Asked) -> None:
    async def one_less(body: dict[str, Any]) -> httpx2.Response | None:
        if body.get("parameters", {}).get("text_type") != "document":
            return None
        rows = [{"text_index": 0, "embedding": [0.5] * 1_024}]
        return httpx2.Response(200, json={"output": {"embeddings": rows}, "usage": {"total_tokens": 5}})

    async with asking(Watched(one_less)) as client:
        told = await found(client, texts=[TEA, LAKE])

    assert told["searched"] == 1
    assert "DashScope gave fewer vectors than texts." in told["incomplete"]


@pytest.mark.parametrize("numbers", [(1, 2), (0, 7), (3, 4)])
async def test_vectors_of_texts_that_nobody_sent_are_none(asking: Asked, numbers: tuple[int, int]) -> None:
    """As many as were asked for, and yet not all of them: counted from one, or of others."""

    async def others(body: dict[str, Any]) -> httpx2.Response | None:
        if body.get("parameters", {}).get("text_type") != "document":
            return None
        rows = [{"text_index": number, "embedding": [0.5] * 1_024} for number in numbers]
        return httpx2.Response(200, json={"output": {"embeddings": rows}, "usage": {"total_tokens": 5}})

    async with asking(Watched(others)) as client:
        result = await client.call_tool("search_documents", {"query": QUERY, "texts": [TEA, LAKE]})

    assert "DashScope gave fewer vectors than texts." in text_of(result)


async def test_vectors_of_two_lengths_are_none_and_spoil_nothing_that_is_kept(asking: Asked) -> None:
    async def mixed(body: dict[str, Any]) -> httpx2.Response | None:
        if body.get("parameters", {}).get("text_type") != "document":
            return None
        rows = [{"text_index": at, "embedding": [0.5] * length} for at, length in enumerate((1_024, 3))]
        return httpx2.Response(200, json={"output": {"embeddings": rows}, "usage": {"total_tokens": 5}})

    async with asking(Watched(mixed)) as client:
        text = await failed(client, texts=[TEA, LAKE])
    async with asking(Watched()) as client:
        told = await found(client, texts=[TEA, LAKE])

    assert "sent a line of an unknown form" in text
    assert (told["searched"], told["cached_tokens"]) == (2, 0)


async def test_a_score_that_is_none_costs_the_order_only(asking: Asked) -> None:
    async def odd(body: dict[str, Any]) -> httpx2.Response | None:
        text = '{"results": [{"index": 0, "relevance_score": NaN}], "usage": {"total_tokens": true}}'
        return httpx2.Response(200, text=text) if "query" in body else None

    async with asking(Watched(odd)) as client:
        told = await found(client, texts=[TEA, LAKE])

    assert (told["reranked_by"], len(told["passages"])) == ("", 2)


# --- caps ---


async def test_a_cap_that_is_too_small_for_all_sends_nothing(asking: Asked) -> None:
    wire = Watched()
    async with asking(wire, caps=Caps(per_call=Decimal("0.0001"))) as client:
        text = await failed(client, **SIX)

    assert wire.sent == []
    assert text.startswith("60 texts are to become vectors, which costs 0.000")
    assert "BAILIAN_MAX_COST_PER_CALL leaves 0.0001 CNY. Name fewer files, or use a cheaper model." in text
    assert text.endswith("Nothing was sent.")


async def test_a_cap_holds_query_times_documents_of_a_rerank(asking: Asked, tmp_path: Path) -> None:
    """The query is read once for each document: vectors fit under the cap, that does not."""
    wire = Watched()
    async with asking(wire, caps=Caps(per_call=Decimal("0.01")), kept=(tmp_path / "state",)) as client:
        told = await found(client, texts=MANY[:50], query="茶" * 700)

    assert wire.reranks == []
    assert "since rerank failed: " in told["notes"][0]
    assert "BAILIAN_MAX_COST_PER_CALL" in told["notes"][0]


# --- what cannot be searched ---


async def test_more_passages_than_can_be_looked_through_are_refused_unsent(asking: Asked, folder: Path) -> None:
    paragraph = "湖" * 372 + "\n\n"
    for name in "ab":
        (folder / f"{name}.txt").write_text(paragraph * 10_001, "utf-8")
    wire = Watched()
    async with asking(wire) as client:
        text = await failed(client, folder / "?.txt")

    assert text == (
        "The texts come to more than 20,000 passages of about 500 tokens, which is the most at once. Name fewer files, and "
        "ask again with others. Nothing was sent."
    )
    assert wire.sent == []


async def test_pages_without_letters_are_named(asking: Asked, folder: Path) -> None:
    scanned = papers.scan([papers.drawn("西湖")])
    (folder / "mixed.pdf").write_bytes(papers.joined(papers.pdf([["The West Lake is in Hangzhou."]]), scanned, scanned))
    async with asking(Watched()) as client:
        told = await found(client, folder / "mixed.pdf")

    assert told["notes"] == [
        f"Pages of {folder / 'mixed.pdf'} without letters, or with more in an image: 2, 3. Read them with `ocr` first."
    ]


async def test_what_cannot_be_read_is_refused_by_its_name_and_left_out_of_a_pattern(
    asking: Asked, folder: Path
) -> None:
    (folder / "photo.png").write_bytes(papers.saved(papers.drawn("西湖")))
    (folder / "scan.pdf").write_bytes(papers.scan([papers.drawn("西湖")]))
    (folder / "tea.txt").write_text(TEA, "utf-8")
    wire = Watched()
    async with asking(wire) as client:
        by_name = await failed(client, folder / "photo.png")
        nothing = await failed(client, folder / "scan.pdf")
        link = await failed(client, "https://example.com/a.pdf")
        unsent = list(wire.sent)
        by_pattern = await found(client, folder / "*.*")

    assert by_name == "photo.png is an image: read it with `ocr` first, and give its text. Nothing was sent."
    assert nothing.startswith("There is no text to read: give files that hold some, or texts. Pages of ")
    assert link == "a.pdf is a URL, and only files here are read. Download it and give its path. Nothing was sent."
    assert unsent == []
    assert named(by_pattern) == ["tea.txt"]
    assert "photo.png is an image: read it with `ocr` first, and give its text." in by_pattern["notes"]


async def test_a_relative_pattern_starts_from_an_allowed_folder_too(
    asking: Asked, folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("away"))
    async with asking(Watched()) as client:
        body = await found(client, "docs/**/*.txt")
        outside = await failed(client, "../*.txt")

    assert [each["file"] for each in body["passages"]] == [str(folder / "docs" / "old" / "river.txt")]
    assert "begins outside the allowed folders" in outside


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("docs/*.doc", "docs/*.doc. Check the folder and the ending. Nothing was sent."),
        ("/etc/*", "/etc/* begins outside the allowed folders."),
        ("many/*", "many/* names more than 1,000 files. Narrow it."),
        ("docs/../../*", "begins outside the allowed folders"),
    ],
)
async def test_a_pattern_that_fits_nothing_here_is_refused(
    asking: Asked, folder: Path, pattern: str, says: str
) -> None:
    (folder / "many").mkdir()
    for number in range(1_001):
        (folder / "many" / f"{number}.md").touch()
    wire = Watched()
    async with asking(wire) as client:
        text = await failed(client, folder / pattern)

    assert says in text
    assert wire.sent == []


async def test_brackets_in_a_name_are_letters_where_a_file_has_it(asking: Asked, folder: Path) -> None:
    (folder / "tea[1].md").write_text(TEA, "utf-8")
    async with asking(Watched()) as client:
        assert named(await found(client, folder / "tea[1].md")) == ["tea[1].md"]


async def test_a_data_uri_is_a_file_too(asking: Asked) -> None:
    uri = "data:text/plain;base64,6b6Z5LqV6Iy25Lqn5LqO6b6Z5LqV5p2R44CC"
    async with asking(Watched()) as client:
        told = await found(client, uri)

    assert [(each["file"], each["text"]) for each in told["passages"]] == [("a data URI", "龙井茶产于龙井村。")]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"model": "qwen-plus"}, "qwen-plus makes no vectors of texts. Use qwen3.7-text-embedding."),
        ({"model": "qwen3-vl-embedding"}, "makes no vectors of texts"),
        ({"model": "text-embedding-async-v2"}, "makes no vectors of texts"),
        ({"rerank_model": "qwen-plus"}, "qwen-plus ranks no texts. Use qwen3-rerank, or none."),
        ({"rerank_model": "qwen3-vl-rerank"}, "ranks no texts"),
        ({"query": "茶" * 20_000, "model": "text-embedding-v4"}, "query has more than 8,192 tokens, the most that a text may have."),
        ({"texts": []}, "There is no text to read"),
        ({"texts": [" \n"]}, "There is no text to read"),
    ],
)  # fmt: skip
async def test_what_cannot_be_asked_is_refused_unsent(asking: Asked, given: dict[str, Any], says: str) -> None:
    wire = Watched()
    async with asking(wire) as client:
        text = await failed(client, **{"texts": [TEA], **given})

    assert says in text
    assert text.endswith("Nothing was sent.")
    assert wire.sent == []


async def test_a_model_that_the_catalog_does_not_hold_is_asked_all_the_same(asking: Asked) -> None:
    wire = Watched()
    async with asking(wire) as client:
        text = await failed(client, texts=[TEA], model="text-embedding-v9")

    assert text.startswith("SANDBOX, nothing of this is real: DashScope does not know this model.")
    assert len(wire.sent) == 1


async def test_a_plan_has_no_vectors(asking: Asked) -> None:
    wire = Watched()
    async with asking(wire, host=host_at("https://coding.dashscope.aliyuncs.com")) as client:
        text = await failed(client, texts=[TEA])

    assert text.startswith("`search_documents` is DashScope's own: a plan or another server has none.")
    assert wire.sent == []
