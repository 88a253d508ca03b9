"""`bailian-mcp usage`: the ledger on the command line, and beside the bill that Alibaba exports."""

import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread
from bailian_mcp.server.__main__ import main

from .conftest import FakeDashScope, Hosted, stream
from .test_bill import BARE, DETAILS, text_of, tokens

pytestmark = pytest.mark.anyio
MODEL = "12345;llm-abc;qwen3.7-plus;{kind};app;0"


@pytest.fixture
def era() -> str:
    return "2026-07-28"


@pytest.fixture
async def folder(hosted: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder with two answers of 0.006 CNY on 2026-11-22, of 1,000 + 500 tokens each."""
    monkeypatch.setenv("BAILIAN_STATE_DIR", str(tmp_path))
    async with hosted(FakeDashScope([stream()]), kept=(tmp_path,)) as client:
        for number in range(2):
            await client.call_tool("chat", {"prompt": str(number)})
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    async def command(*arguments: str) -> tuple[int, str, str]:
        status = await to_thread.run_sync(main, ["usage", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return command


def bill(folder: Path, rows: Sequence[dict[str, str]]) -> str:
    (file := folder / "bill.csv").write_text(text_of(rows, DETAILS, BARE), "utf-8-sig")
    return str(file)


def billed(kind: str, count: int, each: str) -> dict[str, str]:
    return tokens(count, each, 实例ID=MODEL.format(kind=kind))


@pytest.mark.usefixtures("folder")
async def test_it_is_a_table_or_csv_or_json(run: Any) -> None:
    status, table, _ = await run("--days", "3000")
    _, rows, _ = await run("--days", "3000", "--by", "model", "--csv")
    _, objects, _ = await run("--days", "3000", "--by", "tool", "--json")

    assert status == 0
    words = [line.split()[:2] for line in table.splitlines()]
    assert words[:3] == [["day", "requests"], ["2026-11-22", "2"], ["total", "2"]]
    assert table.endswith(": 0 CNY\n")  # that count against a cap of today
    (row,) = csv.DictReader(StringIO(rows))
    assert (row["model"], row["input_tokens"], row["at_least_cny"]) == ("qwen3.7-plus", "2000", "0.012")
    assert json.loads(objects)[0]["tool"] == "chat"


async def test_without_a_ledger_it_says_so(run: Any) -> None:
    status, said, _ = await run()

    assert (status, said.startswith("Nothing was spent yet")) == (0, True)


@pytest.mark.parametrize("arguments", [("--days", "0"), ("--days", "x"), ("--confirm-spent", "-1"), ("--by", "year")])
async def test_what_it_cannot_take_it_refuses(run: Any, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as stopped:
        await run(*arguments)

    assert stopped.value.code == 2


async def test_a_folder_that_cannot_be_used_is_said(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state.db").mkdir()
    monkeypatch.setenv("BAILIAN_STATE_DIR", str(tmp_path))

    assert (await run())[0] == (await run("--confirm-spent", "1"))[0] == 1
    assert "cannot be used" in (await run())[2]


async def test_what_was_spent_is_confirmed(run: Any, folder: Path) -> None:
    (folder / "state.db").unlink()
    status, said, _ = await run("--confirm-spent", "12.50")

    assert (status, said.split(" ")[0]) == (0, "12.5")


async def test_what_the_ledger_knows_is_told_where_somebody_says_less(
    hosted: Hosted, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Caps hold to that, and so should who reads the confirmation."""
    monkeypatch.setenv("BAILIAN_STATE_DIR", str(tmp_path))
    async with hosted(FakeDashScope([stream()]), kept=(tmp_path,), now=lambda: datetime.now(UTC)) as client:
        await client.call_tool("chat", {"prompt": "x"})
    less, said_less, _ = await run("--confirm-spent", "0.001")
    more, said_more, _ = await run("--confirm-spent", "1")

    assert (less, said_less.split(" ")[0]) == (0, "0.006")
    assert (more, said_more.split(" ")[0]) == (0, "1")


async def test_a_bill_that_says_the_same_is_equal(run: Any, folder: Path) -> None:
    rows = [billed("input_token", 2_000, "0.000002"), billed("output_token", 1_000, "0.000008")]
    status, told, _ = await run("--bill", bill(folder, rows))

    assert status == 0
    assert "Items: 2 equal, 0 not." in told


async def test_a_bill_that_says_more_is_told_by_how_much_and_why(run: Any, folder: Path) -> None:
    rows = [billed("input_token", 2_700, "0.000002"), billed("output_token", 1_000, "0.000008")]
    _, told, _ = await run("--bill", bill(folder, rows), "--json")
    found = json.loads(told)

    (differs,) = [item for item in found["items"] if item["verdict"] != "equal"]
    assert (differs["quantity_difference"], Decimal(differs["amount_difference"])) == ("700", Decimal("0.0014"))
    assert differs["likely_cause"] == "calls made elsewhere"


async def test_columns_of_another_name_are_read_from_a_file(run: Any, folder: Path) -> None:
    path = Path(bill(folder, [billed("input_token", 2_000, "0.000002")]))
    path.write_text(path.read_text("utf-8-sig").replace("用量信息/抵扣前用量", "前"), "utf-8-sig")
    (names := folder / "columns.toml").write_text('usage = "前"\n', "utf-8")
    (broken := folder / "broken.toml").write_text("usage", "utf-8")

    assert (await run("--bill", str(path), "--bill-columns", str(names)))[0] == 0
    status, _, said = await run("--bill", str(path), "--bill-columns", str(broken))
    assert (status, "is no TOML file" in said) == (2, True)


async def test_a_file_that_is_no_bill_is_refused(run: Any, folder: Path) -> None:
    status, _, said = await run("--bill", str(folder / "none.csv"))

    assert (status, said.startswith("none.csv cannot be read")) == (2, True)
