"""Vectors in a file: NumPy's form or lines of JSON; only where it is, its shape and its cost come back."""

import ast
import json
from array import array
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx2
import papers
import pytest
from bailian_mcp.server.sandbox import running
from bailian_mcp.server.spending import VectorCache
from conftest import FakeDashScope, Hosted, process, refusal, text_of
from mcp import Client
from meaning_wire import Watched

pytestmark = pytest.mark.anyio
TEXTS = ["西湖在杭州。", "West Lake is in Hangzhou.", "长江在上海入海。"]
Asked = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def era() -> str:
    return "2026-07-28"  # what is written does not depend on it


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def asking(hosted: Hosted, tmp_path: Path, out: Path) -> Asked:
    def connect(wire: Watched, **shared: Any) -> AbstractAsyncContextManager[Client]:
        given = {
            "folders": (tmp_path,),
            "output_folder": out,
            "vector_cache": VectorCache(tmp_path / "state"),
            **shared,
        }
        return hosted(FakeDashScope([]), options={"transport": wire}, **given)

    return connect


async def embedded(client: Client, output: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool("embed", {"output": output, **arguments})
    assert not result.is_error, text_of(result)
    return dict(result.structured_content or {})


async def refused(client: Client, output: str, **arguments: Any) -> str:
    result = await client.call_tool("embed", {"output": output, **arguments})
    assert result.is_error
    return text_of(result)


def npy(file: Path) -> tuple[tuple[int, int], list[list[float]]]:
    """As NumPy reads it: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html"""
    content = file.read_bytes()
    assert content[:8] == b"\x93NUMPY\x01\x00"
    end = 10 + int.from_bytes(content[8:10], "little")
    assert end % 64 == 0
    head = ast.literal_eval(content[10:end].decode("ascii"))
    assert (head["descr"], head["fortran_order"], content[end - 1 : end]) == ("<f4", False, b"\n")
    rows, dimension = head["shape"]
    numbers = array("f")
    numbers.frombytes(content[end:])
    assert len(numbers) == rows * dimension
    return (rows, dimension), [list(numbers[at : at + dimension]) for at in range(0, len(numbers), dimension)]


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


async def test_vectors_of_texts_are_written_for_numpy(asking: Asked, out: Path) -> None:
    wire = Watched()
    async with asking(wire) as client:
        told = await embedded(client, "lake.npy", texts=TEXTS, dimension=256, model="text-embedding-v4")

    shape, rows = npy(out / "lake.npy")
    assert shape == (3, 256) == (told["rows"], told["dimension"])
    assert all(abs(sum(value * value for value in row) - 1) < 1e-4 for row in rows)
    assert told["path"] == str(out / "lake.npy")
    assert told["new_tokens"] == told["usage"]["input_tokens"] == sum(map(len, TEXTS))
    assert wire.sent[0][1]["parameters"] == {"text_type": "document", "dimension": 256}
    assert sorted(path.name for path in out.iterdir()) == ["lake.npy"]


async def test_lines_of_json_hold_the_same_numbers(asking: Asked, out: Path) -> None:
    async with asking(Watched()) as client:
        await embedded(client, "a.npy", texts=TEXTS)
        await embedded(client, "a.jsonl", texts=TEXTS)

    _, rows = npy(out / "a.npy")
    told = lines(out / "a.jsonl")
    assert [(each["row"], each["text"]) for each in told] == [(0, 0), (1, 1), (2, 2)]
    assert [list(array("f", each["vector"])) for each in told] == rows


async def test_the_passages_of_files_are_told_with_their_rows(asking: Asked, tmp_path: Path, out: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(papers.pdf([["The West Lake is in Hangzhou."], ["一种芯片散热装置"]]))
    (tmp_path / "b.md").write_text("西湖在杭州。", "utf-8")
    async with asking(Watched()) as client:
        told = await embedded(client, "both.npy", files=[str(tmp_path / "*.*")], texts=["茶"])
        again = await embedded(client, "both.jsonl", files=[str(tmp_path / "*.*")], texts=["茶"])

    index = lines(out / "both.index.jsonl")
    assert (told["rows"], told["index"]) == (3, str(out / "both.index.jsonl"))
    assert [{**each, "vector": 0} for each in lines(out / "both.jsonl")] == [{**each, "vector": 0} for each in index]
    assert index[0] == {"row": 0, "text": 0}
    assert (index[1]["file"], index[1]["page"], index[1]["start"]) == (str(tmp_path / "a.pdf"), 1, 0)
    assert index[2] == {"row": 2, "file": str(tmp_path / "b.md"), "start": 0, "end": 6}
    assert (again["new_tokens"], again["usage"]["input_tokens"]) == (0, 0)
    assert again["cached_tokens"] > 0


async def test_nothing_of_the_vectors_comes_back(asking: Asked) -> None:
    async with asking(Watched(), structured=False) as client:
        text = text_of(await client.call_tool("embed", {"output": "a.npy", "texts": TEXTS}))

    line, said = text.splitlines()
    assert line.startswith("[SANDBOX | qwen3.7-text-embedding | 39+0 tokens | 0.0000195 CNY | ")
    assert line.endswith(" | tokens of texts: 39 new, about 0 from the cache]")
    assert said.endswith("/out/a.npy, 3 vectors of 1,024 numbers.")


async def test_queries_are_said_to_be_queries_and_kept_apart(asking: Asked) -> None:
    wire = Watched()
    async with asking(wire) as client:
        await embedded(client, "a.npy", texts=TEXTS)
        told = await embedded(client, "b.npy", texts=TEXTS, text_type="query")

    assert [body["parameters"]["text_type"] for _, body in wire.sent] == ["document", "query"]
    assert told["cached_tokens"] == 0


async def test_what_failed_leaves_no_file_and_what_was_paid(asking: Asked, out: Path) -> None:
    texts = [f"第{n}段" for n in range(30)]

    async def wrong(body: dict[str, Any]) -> httpx2.Response | None:
        return (
            refusal(400, "DataInspectionFailed", "Input data may contain inappropriate content.")
            if texts[15] in body["input"]["texts"]
            else None
        )

    async with asking(Watched(wrong)) as client:
        text = await refused(client, "a.npy", texts=texts, model="text-embedding-v4")
        nothing = list(out.iterdir())
    wire = Watched()
    async with asking(wire) as client:
        await embedded(client, "a.npy", texts=texts, model="text-embedding-v4")

    assert text.startswith("DashScope's content filter stopped the question.")
    assert "20 of 30 vectors are kept: the same call again costs the rest only." in text
    assert nothing == []
    assert wire.documents == [texts[10:20]]
    assert npy(out / "a.npy")[0] == (30, 1_024)


async def test_vectors_of_another_length_than_the_others_or_than_was_asked_for_are_none(
    asking: Asked, out: Path
) -> None:
    texts = [f"第{n}段" for n in range(20)]

    async def short(body: dict[str, Any]) -> httpx2.Response | None:
        rows = [{"text_index": at, "embedding": [0.5] * 512} for at in range(10)]
        given = {"output": {"embeddings": rows}, "usage": {"total_tokens": 5}}
        return httpx2.Response(200, json=given) if texts[15] in body["input"]["texts"] else None

    async with asking(Watched(short)) as client:
        text = await refused(client, "a.npy", texts=texts, model="text-embedding-v4")
        other = await refused(client, "b.npy", texts=texts[10:], model="text-embedding-v4", dimension=256)
        await embedded(client, "c.npy", texts=texts[:10], model="text-embedding-v4")

    assert "10 of 20 vectors are kept" in text
    assert "DashScope gave fewer vectors than texts." in other
    assert [file.name for file in out.iterdir()] == ["c.npy"]


async def test_a_name_that_was_taken_meanwhile_loses_nothing(asking: Asked, out: Path) -> None:
    async def taken(_: dict[str, Any]) -> None:
        (out / "a.npy").write_text("theirs")

    async with asking(Watched(taken)) as client:
        text = await refused(client, "a.npy", texts=TEXTS)
        told = await embedded(client, "b.npy", texts=TEXTS)

    assert text.startswith("a.npy is in the output folder already, and no file is overwritten. Give another name. ")
    assert "All vectors are kept: the same call again pays for none. Spent: 39+0 tokens" in text
    assert (told["new_tokens"], told["usage"]["input_tokens"]) == (0, 0)
    assert (out / "a.npy").read_text() == "theirs"


@pytest.mark.parametrize(
    ("output", "given", "says"),
    [
        ("a.csv", {}, "a.csv does not end in .npy or .jsonl."),
        ("../a.npy", {}, "is no name for a file"),
        ("there.npy", {}, "there.npy is in the output folder already"),
        ("a.npy", {"files": ["x.md"]}, "a.index.jsonl is in the output folder already"),
        ("b.npy", {"texts": []}, "There is no text to read"),
        ("b.npy", {"texts": ["x", " "]}, "texts[1] is empty. Leave it out."),
        ("b.npy", {"texts": ["茶" * 20_000], "model": "text-embedding-v4"}, "texts[0] has more than 8,192 tokens"),
        ("b.npy", {"dimension": 100, "model": "text-embedding-v4"}, "text-embedding-v4 makes no vectors of 100 numbers. Choose one of 64, 128"),
        ("b.npy", {"model": "qwen3-rerank"}, "qwen3-rerank makes no vectors of texts. Use qwen3.7-text-embedding."),
    ],
)  # fmt: skip
async def test_what_cannot_be_written_or_made_is_refused_unsent(
    asking: Asked, out: Path, output: str, given: dict[str, Any], says: str
) -> None:
    out.mkdir()
    (out / "there.npy").write_text("precious")
    (out / "a.index.jsonl").write_text("precious")
    wire = Watched()
    async with asking(wire) as client:
        text = await refused(client, output, **{"texts": TEXTS, **given})

    assert says in text
    assert text.endswith("Nothing was sent.")
    assert wire.sent == []
    assert (out / "there.npy").read_text() == "precious"


async def test_without_a_folder_for_files_it_says_which_setting_to_set(asking: Asked) -> None:
    wire = Watched()
    async with asking(wire, output_folder=None) as client:
        text = await refused(client, "a.npy", texts=TEXTS)

    assert text.startswith("No folder is set where files may be written. Put one into BAILIAN_OUTPUT_DIR")
    assert wire.sent == []


async def test_vectors_outlive_a_real_server_but_for_those_of_its_own_sandbox(tmp_path: Path) -> None:
    given = {
        "BAILIAN_TOOLS": "meaning",
        "BAILIAN_STATE_DIR": str(tmp_path / "state"),
        "BAILIAN_OUTPUT_DIR": str(tmp_path),
    }
    asked = {"output": "a.npy", "texts": TEXTS}
    async with Client(process("--sandbox", **given)) as client:
        assert not (await client.call_tool("embed", asked)).is_error
    assert not (tmp_path / "state" / "vectors").exists()

    with running() as url:
        given |= {"DASHSCOPE_BASE_URL": url, "DASHSCOPE_API_KEY": "sk-any", "BAILIAN_LANGUAGE": "en"}
        said = []
        for name in ("b.npy", "c.npy"):
            async with Client(process(**given)) as client:
                said.append(text_of(await client.call_tool("embed", {**asked, "output": name})))

    assert "tokens of texts: 39 new, about 0 from the cache" in said[0]
    assert "tokens of texts: 0 new, about " in said[1]
