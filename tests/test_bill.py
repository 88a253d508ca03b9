"""Alibaba's bill beside our own records. All exports here are made by these tests: no real one was at hand.

Their forms are those that the documentation and public code tell of (docs/bill.md).
"""

import ast
import csv
import io
import json
import re
import tomllib
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bailian_mcp.server.spending.bill import (
    BadExport,
    BillComparison,
    Export,
    RecordedItem,
    bill_as_csv,
    bill_as_json,
    bill_told,
    compare_bill,
    read_export,
)
from bailian_mcp.server.spending.bill.causes import Cause
from bailian_mcp.server.spending.bill.columns import BILL_COLUMNS
from bailian_mcp.server.spending.bill.matching import ComparedItem
from hypothesis import given, settings
from hypothesis import strategies as st
from sources import tree_of

BILL = Path(__file__).parent.parent / "server" / "spending" / "bill"
DAY = date(2026, 11, 22)
GROUPS = {
    "账单信息": "账单明细ID 账单月份 账单日期 费用类型 消费时间 服务开始时间 服务结束时间",
    "产品信息": "产品Code 产品名称 商品Code 商品名称 计费项Code 计费项名称 规格 选型配置",
    "资源信息": "实例ID（出账粒度）",
    "用量信息": "抵扣前用量 用量 用量单位 用量详情",
    "定价信息": "官网目录价 价格单位 目录价用量阶梯 定价币种",
    "费用信息": "计费公式 目录总价",
    "优惠信息": "优惠金额 优惠详情",
    "应付信息": "应付金额（含税） 抹零",
}
DETAILS = [f"{group}/{name}" for group, names in GROUPS.items() for name in names.split()]
BARE = [header.partition("/")[2] for header in DETAILS]
ENGLISH = {
    "消费时间": "Consumption Time", "产品名称": "Product Name", "实例ID（出账粒度）": "Instance ID", "用量": "Usage",
    "用量单位": "Usage Unit", "官网目录价": "List Price", "价格单位": "List Price Unit", "定价币种": "Currency",
    "目录总价": "Pretax Gross Amount", "优惠金额": "Invoice Discount", "应付金额（含税）": "Pretax Amount",
}  # fmt: skip
QWEN = "12345;llm-abc;qwen-max;{kind};app;0"
ROW = {
    "账单明细ID": "1", "账单月份": "2026-11", "账单日期": "20261122", "费用类型": "云资源按量费用",
    "消费时间": "2026-11-22 10:31:00", "服务开始时间": "2026-11-22 10:31:00", "服务结束时间": "2026-11-22 10:32:00",
    "产品Code": "sfm", "产品名称": "大模型服务平台百炼", "商品名称": "百炼大模型推理", "计费项名称": "大模型文本消耗量",
    "选型配置": '[{"name": "a, b", "value": "c"}]', "实例ID（出账粒度）": QWEN.format(kind="input_token"),
    "抵扣前用量": "1.5", "用量": "1.5", "用量单位": "千Token", "官网目录价": "0.0024", "价格单位": "元/千Token",
    "目录价用量阶梯": "[0,9999999999999]", "定价币种": "CNY", "目录总价": "0.0036", "优惠金额": "0",
    "应付金额（含税）": "0.0036", "抹零": "0",
}  # fmt: skip
Written = Callable[..., Path]


def row(kind: str = "", **cells: str) -> dict[str, str]:
    """A row of 1,500 tokens at 2.4 CNY per million, unless said."""
    named = {"实例ID（出账粒度）" if name == "实例ID" else name: value for name, value in cells.items()}
    return {**ROW, **({"实例ID（出账粒度）": QWEN.format(kind=kind)} if kind else {}), **named}


def tokens(count: int, each: str = "0.0000024", **cells: str) -> dict[str, str]:
    """A row of so many tokens, nothing deducted, at a price for one."""
    amount = f"{count * Decimal(each):f}"
    usage = {
        "抵扣前用量": str(count),
        "用量": str(count),
        "用量单位": "Token",
        "官网目录价": each,
        "价格单位": "元/Token",
    }
    return row(**{**usage, "目录总价": amount, "应付金额（含税）": amount, **cells})


def text_of(rows: Sequence[Mapping[str, str]], headers: Sequence[str], names: Sequence[str] = BARE) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headers)
    writer.writerows([each.get(name, "") for name in names] for each in rows)
    return text.getvalue()


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """A file of rows; by default as the console exports them."""

    def write(
        *rows: Mapping[str, str],
        headers: Sequence[str] = DETAILS,
        names: Sequence[str] = BARE,
        encoding: str = "utf-8-sig",
        text: str | None = None,
    ) -> Path:
        (file := tmp_path / "bill.csv").write_bytes(
            (text_of(rows, headers, names) if text is None else text).encode(encoding)
        )
        return file

    return write


def recorded(quantity: int = 1500, amount: int | None = 3_600_000, **said: Any) -> RecordedItem:
    of = {"day": DAY, "model": "qwen-max", "item": "input", "currency": "CNY", "uncertain": False, **said}
    return RecordedItem(quantity=quantity, amount_nano=amount, **of)


def compared(written: Written, rows: Sequence[Mapping[str, str]], *ours: RecordedItem, **read: Any) -> BillComparison:
    return compare_bill(ours, read_export(written(*rows), **read))


def only(comparison: BillComparison) -> ComparedItem:
    (item,) = comparison.items
    return item


def causes(item: ComparedItem) -> list[str]:
    return [reason.cause.name for reason in item.reasons]


def items(export: Export) -> list[tuple[str, str, str, Decimal, int | None]]:
    return [(str(each.day), each.model, each.item, each.quantity, each.list_nano) for each in export.items]


ONE = [("2026-11-22", "qwen-max", "input", Decimal(1500), 3_600_000)]


# --- what an export is read from ---


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gbk"])
@pytest.mark.parametrize("headers", [DETAILS, BARE], ids=["group/name", "bare"])
def test_a_chinese_export_is_read_in_each_encoding(written: Written, encoding: str, headers: Sequence[str]) -> None:
    export = read_export(written(ROW, headers=headers, encoding=encoding))

    assert items(export) == ONE
    assert (export.rows, export.others, export.broken, export.remarks) == (1, (), (), ())
    assert export.items[0].payable_nano == 3_600_000
    assert export.encoding == {"gbk": "gb18030"}.get(encoding, encoding)


def test_an_english_export_is_read(written: Written) -> None:
    english = {**ROW, "产品名称": "Alibaba Cloud Model Studio", "用量单位": "1K tokens", "价格单位": "Per 1K tokens"}

    export = read_export(written(english, headers=list(ENGLISH.values()), names=list(ENGLISH), encoding="utf-8"))

    assert items(export) == ONE
    assert export.remarks == ("Only 'Usage' is there: it may be what deductions left.",)


def test_an_english_header_over_chinese_rows_is_read_to_its_end_before_its_encoding_is_told(written: Written) -> None:
    for encoding in ("gbk", "utf-8"):
        export = read_export(written(ROW, headers=list(ENGLISH.values()), names=list(ENGLISH), encoding=encoding))

        assert items(export) == ONE
        assert export.others == ()


@given(st.permutations(range(len(DETAILS))))
@settings(max_examples=25)
def test_where_a_column_stands_does_not_matter(tmp_path_factory: pytest.TempPathFactory, order: list[int]) -> None:
    file = tmp_path_factory.mktemp("bill") / "bill.csv"
    file.write_text(text_of([ROW], [DETAILS[n] for n in order], [BARE[n] for n in order]), "utf-8-sig")

    assert items(read_export(file)) == ONE


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\r\n"], ids=["zero bytes", "a mark", "empty lines"])
def test_an_empty_file_is_a_placeholder(tmp_path: Path, content: bytes) -> None:
    (file := tmp_path / "bill.csv").write_bytes(content)

    export = read_export(file)

    assert (export.rows, export.items) == (0, ())
    assert export.remarks == ("The file is empty: a placeholder.",)
    assert causes(only(compare_bill([recorded()], export))) == ["EMPTY"]


@pytest.mark.parametrize("head", [b"PK\x03\x04xlsx", b"\x1f\x8bgz"])
def test_an_archive_or_a_workbook_is_refused(tmp_path: Path, head: bytes) -> None:
    (file := tmp_path / "bill.xlsx").write_bytes(head)

    with pytest.raises(
        BadExport, match=r"^bill\.xlsx is an archive or a workbook: unpack it, or export the bill as CSV"
    ):
        read_export(file)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadExport, match=r"^zero is no regular file"):
        read_export(Path("/dev/zero"))
    with pytest.raises(BadExport, match=r"^no\.csv cannot be read \(No such file or directory\)"):
        read_export(tmp_path / "no.csv")


def test_the_memory_does_not_grow_with_the_rows(written: Written) -> None:
    read_export(written(tokens(1)))  # what is loaded once
    peaks = []
    for count in (500, 2_500):
        file = written(*(tokens(n, 账单明细ID=str(n)) for n in range(count)))
        tracemalloc.start()
        export = read_export(file)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert export.items[0].quantity == sum(range(count))

    assert peaks[1] - peaks[0] < file.stat().st_size / 10, peaks


# --- its columns ---


def test_unknown_headers_are_told_with_how_to_name_them(written: Written) -> None:
    file = written({"a": "1"}, headers=["甲", "乙\u202e"], names=["a", "b"])

    with pytest.raises(BadExport) as error:
        read_export(file)

    said = str(error.value)
    assert said.startswith(
        "The columns of this export are not known: no column for time or start or date (known: 消费时间"
    )
    assert r"Found: '甲', '乙\u202e'." in said
    assert said.endswith('Name them in a file for --bill-columns, for example time = "the header of that column".')


def test_many_unknown_headers_are_not_all_told(written: Written) -> None:
    headers = [f"column {n}" for n in range(45)]

    with pytest.raises(BadExport, match=r"'column 39' and 5 more\. Name them"):
        read_export(written(headers=headers, names=headers))


def test_columns_can_be_named(written: Written) -> None:
    headers = ["Wann", "Modell", "Art", "Menge", "Menge frei", "Einheit"]
    names = ["消费时间", "model", "kind", "抵扣前用量", "用量", "用量单位"]
    file = written(
        {**ROW, "model": "qwen-plus", "kind": "output_token"},
        {**ROW, "model": "", "kind": "x"},
        headers=headers,
        names=names,
    )
    columns = {"time": "wann", "model": "Modell", "kind": "Art", "usage": "Menge", "unit": "Ein"}

    export = read_export(file, columns)

    assert items(export) == [("2026-11-22", "qwen-plus", "output", Decimal(1500), None)]
    assert [(each.why, each.rows) for each in export.others] == [("an instance id of another form", 1)]
    assert export.columns["usage"] == "Menge"


def test_a_named_model_goes_before_that_of_the_instance_id(written: Written) -> None:
    export = read_export(written({**ROW, "规格": "qwen-max-2025"}, ROW), {"model": "规格"})

    assert [each.model for each in export.items] == ["qwen-max", "qwen-max-2025"]


def test_a_column_that_is_named_nothing_is_not_read(written: Written) -> None:
    export = read_export(written({**ROW, "用量": "1"}), {"usage": "", "product": ""})

    assert items(export)[0][3] == 1000
    assert "usage" not in export.columns


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"colour": "红"}, "--bill-columns names 'colour'; it can name usage, unit, "),
        ({"usage": "红"}, "--bill-columns: usage = '红' is no column. Found: '账单信息/账单明细ID', "),
        ({"usage": "用量信息"}, "--bill-columns: usage = '用量信息' may be '用量信息/抵扣前用量', '用量信息/用量', "),
        ({"usage": 3}, "--bill-columns names a column by a text, and under kinds each kind's item by a text."),
        ({"kinds": "input"}, "--bill-columns names a column by a text, and under kinds each kind's item by a text."),
        ({"kinds": {"a": 1}}, "--bill-columns names a column by a text, and under kinds each kind's item by a text."),
        ({"instance": "", "model": "规格"}, "The columns of this export are not known: no column for kind. Found: "),
    ],
)  # fmt: skip
def test_a_column_that_is_named_wrongly_is_said(written: Written, columns: Any, said: str) -> None:
    with pytest.raises(BadExport) as error:
        read_export(written(ROW), columns)

    assert str(error.value).startswith(said)


def test_what_two_columns_may_hold_is_not_guessed(written: Written) -> None:
    headers = [*DETAILS, "其他/优惠金额"]
    export = read_export(written(ROW, headers=headers, names=[*BARE, "优惠金额"]))

    assert export.remarks == (
        "discount is not read: '优惠信息/优惠金额' and '其他/优惠金额' may be it; name one for --bill-columns.",
    )
    with pytest.raises(BadExport, match=r"no column for unit .* unit may be '甲用量单位', '乙用量单位'\. Name them"):
        renamed = ["甲用量单位" if each == "用量单位" else each for each in BARE]
        read_export(written(ROW, headers=[*renamed, "乙用量单位"], names=[*BARE, "用量单位"]))


def test_a_header_with_brackets_or_a_slash_in_them_is_found(written: Written) -> None:
    renamed = {"用量单位": "用量单位(千Token/次)", "抵扣前用量": "抵扣前用量（千Token）", "抹零": "抹零金额(元)"}
    export = read_export(written(ROW, headers=[renamed.get(name, name) for name in BARE]))

    assert items(export) == ONE


def test_an_export_without_prices_and_payables_says_so(written: Written) -> None:
    names = ["消费时间", "实例ID（出账粒度）", "抵扣前用量", "用量单位"]
    comparison = compare_bill([recorded()], read_export(written(ROW, headers=names, names=names)))

    assert comparison.export.remarks == (
        "No list price is there: only quantities are compared, and the payable stands beside them.",
        "No payable amount is there.",
        "No currency is there: amounts are taken as CNY.",
    )
    assert (only(comparison).verdict, causes(only(comparison))) == ("equal quantity", ["UNLISTED"])
    assert comparison.totals[0].recorded_apart_nano == 3_600_000


def test_the_page_tells_every_column_that_can_be_named() -> None:
    page = (BILL.parents[2] / "docs" / "bill.md").read_text("utf-8")

    assert [name for name in BILL_COLUMNS if f"`{name}`" not in page] == []
    assert [cause for cause in Cause if str(cause).partition(",")[0] not in page and cause != Cause.UNEXPLAINED] == []


def test_the_columns_of_the_page_can_be_read(written: Written) -> None:
    shown = re.search(r"```toml\n(.*?)```", (BILL.parents[2] / "docs" / "bill.md").read_text("utf-8"), re.DOTALL)
    assert shown
    headers = ["抵扣前用量（千Token）" if name == "抵扣前用量" else name for name in BARE]
    rows = [row("search_fee", 用量单位="次"), ROW]

    export = read_export(written(*rows, headers=headers), tomllib.loads(shown[1]))

    assert {each.item for each in export.items} == {"input", "web_search"}
    assert "discount" not in export.columns


# --- its rows ---


@pytest.mark.parametrize(
    ("unit", "quantity"),
    [
        ("Token", "1.5"), ("tokens", "1.5"), ("千Token", "1500"), ("千tokens", "1500"), ("1K tokens", "1500"),
        ("1,000 tokens", "1500"), ("百万Token", "1500000"), ("1M tokens", "1500000"), ("Million Tokens", "1500000"),
        ("万tokens", "15000"), ("10000 tokens", "15000"),
    ],
)  # fmt: skip
def test_units_of_tokens_are_single_tokens(written: Written, unit: str, quantity: str) -> None:
    assert read_export(written(row(用量单位=unit))).items[0].quantity == Decimal(quantity)


@pytest.mark.parametrize(
    ("kind", "unit", "item", "counted"),
    [
        ("context_0-128k_input_token", "千Token", "input", "token"),
        ("context_128k-256k_output_token", "千Token", "output", "token"),
        ("thinking_output_token", "千Token", "output_thinking", "token"),
        ("context_0-32k_thinking_input_token_cache", "千Token", "cached_input", "token"),
        ("input_token_cache_read", "千Token", "explicit_cached_input", "token"),
        ("input_token_cache_creation_5m", "千Token", "cache_write", "token"),
        ("vision_input_token", "千Token", "input_image", "token"),
        ("input_token_batch", "千Token", "input", "token"),
        ("output_token_batch_chat", "千Token", "output", "token"),
        ("batch_output_token", "千Token", "output", "token"),
        ("web_search_turbo", "次", "web_search", "time"),
        ("web_search_turbo", "千次", "web_search", "time"),
        ("pdf_parse", "页", "pdf_page", "page"),
        ("tts_output_token", "千Token", "tts_output_token", "token"),
        ("audio_tts", "万字", "audio_tts", "character"),
        ("content_duration", "秒", "content_duration", "second"),
        ("image_number", "张", "image_number", "image"),
        ("image_search_by_text", "次", "image_search_by_text", "time"),
    ],
)  # fmt: skip
def test_a_kind_is_an_item_of_ours_or_keeps_its_name(
    written: Written, kind: str, unit: str, item: str, counted: str
) -> None:
    (found,) = read_export(written(row(kind, 用量单位=unit))).items

    assert (found.item, found.unit) == (item, counted)
    assert bool(found.batch_quantity) == ("batch" in kind)


def test_a_kind_can_be_said_to_be_an_item(written: Written) -> None:
    export = read_export(written(row("search_fee_x", 用量单位="次"), row("kx")), {"kinds": {"kx": "cached_input"}})

    assert [each.item for each in export.items] == ["cached_input", "web_search"]


@pytest.mark.parametrize(
    ("instance", "console"),
    [
        ("12345;llm-abc;qwen-max;input_token;app;0", False), ("12345;llm-abc;qwen-max;input_token;app;", False),
        ("12345;llm-abc;qwen-max;input_token;app", False), ("text_token;llm-abc;qwen-max;input_token;app", False),
        ("12345;ws-abc;qwen-max;input_token;0", False), (" 12345 ; llm-abc;qwen-max;input_token;batch;1", False),
        (";llm-abc;qwen-max;input_token;app;0", True), (";llm-abc;qwen-max;input_token;bmp;0", True),
        ("12345;llm-abc;qwen-max;input_token;assistant-api;0", True),
    ],
)  # fmt: skip
def test_each_form_of_an_instance_id_is_read(written: Written, instance: str, console: bool) -> None:
    export = read_export(written(row(实例ID=instance)))

    assert items(export) == ONE
    assert bool(export.items[0].elsewhere_quantity) is console
    assert bool(export.items[0].batch_quantity) is ("batch" in instance)


@pytest.mark.parametrize(
    "instance",
    ["ws!cn-beijing!job-1", "", "12345;llm-abc;qwen-max", "12345;llm-abc;qwen-max;input_token;app;0;more",
     "12345;elsewhere;qwen-max;input_token;app;0", "12345;llm-abc;;input_token;app;0",
     "12345;llm-abc;qwen-max;;app;0", "12345;llm-abc;qwen-max;input_token;app;maybe"],
)  # fmt: skip
def test_an_instance_id_of_another_form_is_counted_and_not_guessed(written: Written, instance: str) -> None:
    export = read_export(written(ROW, row(实例ID=instance)))

    assert items(export) == ONE
    (other,) = export.others
    assert (other.why, other.rows, other.first_line, other.example) == (
        "an instance id of another form",
        1,
        3,
        instance,
    )
    assert other.payable_nano == 3_600_000


def test_rows_of_other_products_are_counted_by_their_name(written: Written) -> None:
    ecs = row(
        产品名称="云服务器 ECS", 实例ID="i-bp1", 抵扣前用量="no number", 消费时间="", 账单日期="", 服务开始时间=""
    )
    oss = row(产品名称="对象存储", 实例ID="i-bp2", **{"应付金额（含税）": "odd"})

    export = read_export(written(ecs, oss, ecs, ROW))

    assert items(export) == ONE
    assert [(each.why, each.name, each.rows, each.currency, each.payable_nano) for each in export.others] == [
        ("another product", "云服务器 ECS", 2, "CNY", 7_200_000), ("another product", "对象存储", 1, "", 0),
    ]  # fmt: skip
    assert (
        "Not compared (rows: 2): another product ('云服务器 ECS'), from line 2, such as 'i-bp1', payable 0.0072 CNY."
        in (bill_told(compare_bill([], export)))
    )


def test_more_other_names_than_can_be_told_are_counted_together(written: Written) -> None:
    export = read_export(written(*(row(产品名称=f"product {n}") for n in range(130))))

    assert len(export.others) == 101
    assert sum(each.rows for each in export.others) == 130
    assert next(each.rows for each in export.others if each.name == "the rest") == 30


@pytest.mark.parametrize(
    ("kind", "unit"), [("input_token", "斤"), ("output_token", "秒"), ("web_search", "Token"), ("x", "")]
)
def test_a_unit_that_is_not_known_is_counted_and_not_guessed(written: Written, kind: str, unit: str) -> None:
    export = read_export(written(row(kind, 用量单位=unit)))

    assert export.items == ()
    assert [each.why for each in export.others] == ["a unit that its item is not counted in"]


def test_only_the_rows_of_one_key_are_compared_where_it_is_named(written: Written) -> None:
    rows = [ROW, *(row(实例ID=f"{key};llm-abc;qwen-max;input_token;app;0") for key in ("777", "", "text_token", "777"))]

    export = read_export(written(*rows), key_id="12345")

    assert items(export) == ONE
    assert [(each.name, each.rows) for each in export.others if each.why == "another API key"] == [
        ("777", 2), ("no key: the console, or a row that names none", 2),
    ]  # fmt: skip
    assert "only those of the API key '12345' are compared." in bill_told(compare_bill([], export))


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"抵扣前用量": "many"}, "'many' under '用量信息/抵扣前用量' is no number"),
        ({"目录总价": "1e"}, "'1e' under '费用信息/目录总价' is no number"),
        ({"目录总价": "9999999999999999"}, "'9999999999999999' under '费用信息/目录总价' is no number"),
        ({"目录总价": "1e16"}, "'1e16' under '费用信息/目录总价' is no number"),
        ({"目录总价": "1e-31"}, "'1e-31' under '费用信息/目录总价' is no number"),
        ({"抵扣前用量": "", "用量": ""}, "it has no usage"),
        ({"消费时间": "2026-02-30 10:00:00", "服务开始时间": "", "账单日期": "soon"}, "'2026-02-30 10:00:00' is no day"),
        ({"消费时间": "", "服务开始时间": "", "账单日期": ""}, "'' is no day"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_named_by_its_line(written: Written, cells: dict[str, str], why: str) -> None:
    export = read_export(written(row(**cells), ROW, row(**cells)))

    assert items(export) == ONE
    assert [(each.line, each.why) for each in export.broken] == [(2, why), (4, why)]
    assert export.broken_rows == 2
    assert f"Not read: line 4: {why}." in bill_told(compare_bill([], export))


def test_lines_that_are_no_records_cost_only_themselves(written: Written) -> None:
    good = text_of([ROW], DETAILS)
    header, line = good.splitlines(keepends=True)
    long_line = line.replace("sfm", "x" * 2_000_000)
    broken = ['1,"never closed\r\n', '1,"closed"badly"\r\n', "1,2\r\n", long_line, line.replace("\r\n", ",more\r\n")]

    export = read_export(written(text=header + line.join(["", *broken, "\r\n"])))

    assert export.rows == 11
    assert export.items[0].rows == 6
    assert [(each.line, each.why) for each in export.broken] == [
        (3, "its quotes do not close"), (5, "its quotes do not close"), (7, f"it has 2 cells, the header {len(DETAILS)}"),
        (9, "its quotes do not close"), (11, f"it has {len(DETAILS) + 1} cells, the header {len(DETAILS)}"),
    ]  # fmt: skip


def test_a_quote_that_never_closes_at_the_end_costs_only_its_line(written: Written) -> None:
    header, line = text_of([ROW], DETAILS).splitlines(keepends=True)

    export = read_export(written(text=header + line + '1,"never closed\r\n' + line + '2,"never closed'))

    assert export.items[0].rows == 2
    assert [each.line for each in export.broken] == [3, 5]


def test_a_quote_that_closes_in_another_row_takes_no_row_with_it(written: Written) -> None:
    names = ["消费时间", "实例ID（出账粒度）", "抵扣前用量", "用量单位"]
    header, line = text_of([ROW], names, names).splitlines(keepends=True)
    rows = [line, '1,"opened\r\n', line, '1",closed\r\n', line, '2,"opened\r\n', *[line] * 7]

    export = read_export(written(text=header + "".join(rows)))

    assert export.items[0].rows == 10
    assert [each.line for each in export.broken] == [3, 5, 7]


def test_a_cell_may_go_over_lines_and_a_row_end_in_a_comma(written: Written) -> None:
    header, line = text_of([row(选型配置="one\r\ntwo, \n")], DETAILS).split("\r\n", 1)
    last = text_of([ROW], DETAILS).splitlines(keepends=True)[1].replace("\r\n", ",\r\n")

    export = read_export(written(text=f"{header}\r\n{line}{last}"))

    assert (export.items[0].rows, export.broken) == (2, ())


def test_bytes_that_are_no_letters_cost_only_their_row(written: Written) -> None:
    file = written(ROW, row(计费项名称="broken"), ROW)
    file.write_bytes(file.read_bytes().replace(b"broken", b"\xff\xfe"))

    export = read_export(file)

    assert export.items[0].rows == 2
    assert [(each.line, each.why) for each in export.broken] == [(3, "it holds bytes that its encoding does not know")]


def test_more_broken_rows_than_can_be_told_are_counted(written: Written) -> None:
    export = read_export(written(*[row(抵扣前用量="x")] * 25))

    assert (len(export.broken), export.broken_rows) == (20, 25)
    assert "Not read: 5 more." in bill_told(compare_bill([], export))


@pytest.mark.parametrize(
    ("cells", "day"),
    [
        ({"消费时间": "2026-11-21 23:59"}, "2026-11-21"), ({"消费时间": "2026/1/2 9:05:00"}, "2026-01-02"),
        ({"消费时间": "2026年11月21日"}, "2026-11-21"), ({"消费时间": "2026-11-21T16:00:00Z"}, "2026-11-22"),
        ({"消费时间": "2026-11-22T00:00:00.5+08:00"}, "2026-11-22"), ({"消费时间": "", "服务开始时间": "20261120"}, "2026-11-20"),
        ({"消费时间": "0001-01-01 00:00:00+09:00", "服务开始时间": "x"}, "2026-11-22"), ({"消费时间": "\t2026-11-20 1:00\t"}, "2026-11-20"),
    ],
)  # fmt: skip
def test_the_day_is_that_of_use_in_beijing(written: Written, cells: dict[str, str], day: str) -> None:
    (found,) = read_export(written(row(**cells))).items

    assert str(found.day) == day


@pytest.mark.parametrize(
    ("cells", "nano"),
    [
        ({"目录总价": ""}, 3_600_000), ({"目录总价": "", "价格单位": "元/百万Token", "官网目录价": "2.4"}, 3_600_000),
        ({"目录总价": "", "价格单位": "每百万tokens", "官网目录价": "2.4"}, 3_600_000),
        ({"目录总价": "", "价格单位": ""}, 3_600_000), ({"目录总价": "", "价格单位": "元/秒"}, None),
        ({"目录总价": "", "官网目录价": ""}, None), ({"目录总价": "1,234.5"}, 1_234_500_000_000),
        ({"目录总价": "3.6E-3"}, 3_600_000), ({"目录总价": "-0.5"}, -500_000_000), ({"目录总价": "0.0000000015"}, 2),
    ],
)  # fmt: skip
def test_the_list_amount_is_the_bills_own_or_usage_times_price(
    written: Written, cells: dict[str, str], nano: int | None
) -> None:
    export = read_export(written(row(**cells)))

    assert export.items[0].list_nano == nano
    assert bool(export.remarks) == (nano == 2)


# --- bill and ledger ---


def test_what_both_say_is_equal(written: Written) -> None:
    half = {"quantity": 700, "amount": 1_680_000}
    comparison = compared(written, [ROW], recorded(**half), recorded(800, 1_920_000, uncertain=True))

    assert (only(comparison).verdict, only(comparison).reasons, comparison.causes) == ("equal", (), ())
    assert comparison.totals[0].difference_nano == 0
    assert "Items: 1 equal, 0 not." in bill_told(comparison)


LATER = row(消费时间="2026-11-24 13:05:00", 实例ID="12345;llm-abc;other;input_token;app;0")
EARLIER = row(消费时间="2026-11-20 08:00:00", 实例ID="12345;llm-abc;other;input_token;app;0")


@pytest.mark.parametrize(
    ("rows", "ours", "expected"),
    [
        # more in the bill
        ([ROW], [], ["ELSEWHERE"]),
        ([ROW], [recorded(1000, 2_400_000)], ["ELSEWHERE"]),
        ([row(实例ID=";llm-abc;qwen-max;input_token;bmp;0")], [], ["ELSEWHERE"]),
        ([row("input_token_batch")], [], ["BATCH", "ELSEWHERE"]),
        ([tokens(1500, "0.000003")], [recorded(1000, 2_400_000)], ["ELSEWHERE", "PRICE"]),
        # less in the bill
        ([LATER], [recorded(1, 1, day=date(2026, 11, 24))], ["DELAY"]),
        ([LATER], [recorded(day=date(2026, 11, 25))], ["DELAY"]),
        ([LATER], [recorded()], ["BEFORE"]),
        ([EARLIER, LATER], [recorded()], ["UNEXPLAINED"]),
        ([EARLIER, LATER], [recorded(uncertain=True)], ["FAILED"]),
        ([EARLIER, LATER, ROW], [recorded(), recorded(300, 720_000, uncertain=True)], ["FAILED"]),
        ([EARLIER, LATER, ROW], [recorded(9500, 22_800_000), recorded(300, 720_000, uncertain=True)], ["FAILED"]),
        ([EARLIER, LATER, ROW], [recorded(2000, 4_800_000)], ["UNEXPLAINED"]),
        # as much
        ([tokens(1500, "0.000003")], [recorded()], ["PRICE"]),
        ([row("input_token_batch", 官网目录价="0.0012", 目录总价="0.0018")], [recorded()], ["BATCH", "PRICE"]),
        ([row(目录总价="0.003")], [recorded()], ["ROUNDED"]),
        ([row(目录总价="0.003", 官网目录价="")], [recorded()], ["PRICE"]),
        ([row(定价币种="USD")], [recorded()], ["CURRENCY"]),
        ([ROW], [recorded(amount=None)], ["UNPRICED"]),
        ([ROW], [recorded(700), recorded(800, None, currency="USD")], ["CURRENCY", "UNPRICED"]),
        ([row(目录总价="", 官网目录价="")], [recorded()], ["UNLISTED"]),
        # less is to be paid
        ([row(用量="0.5", **{"应付金额（含税）": "0"})], [recorded()], ["FREE"]),
        ([row(用量="", 费用类型="免费额度", **{"应付金额（含税）": "0"})], [recorded()], ["FREE"]),
        ([row(优惠金额="0.0018", **{"应付金额（含税）": "0.0018"})], [recorded()], ["PROMOTION"]),
        ([tokens(1500, "0.000003", 用量="0", 优惠金额="0.001")], [recorded()], ["PRICE", "FREE", "PROMOTION"]),
    ],
)  # fmt: skip
def test_a_difference_has_its_likely_reasons(
    written: Written, rows: list[dict[str, str]], ours: list[RecordedItem], expected: list[str]
) -> None:
    comparison = compared(written, rows, *ours)
    (item,) = [each for each in comparison.items if each.model == "qwen-max"]

    assert causes(item) == expected
    assert all(reason.said in bill_told(comparison) for reason in item.reasons if item.verdict != "equal")


def test_the_words_of_a_price_change(written: Written) -> None:
    item = only(compared(written, [tokens(1500, "0.000003")], recorded()))

    assert item.reasons[0].said == "the price here comes to 2.4 per million tokens, in the bill it is 3"
    assert item.difference_nano == 900_000


def test_the_words_of_a_price_by_the_piece(written: Written) -> None:
    fee = row(
        "web_search", 用量单位="次", 抵扣前用量="2", 用量="2", 官网目录价="0.004", 价格单位="元/次", 目录总价="0.008"
    )
    ours = recorded(2, 6_000_000, item="web_search")

    assert (
        only(compared(written, [fee], ours)).reasons[0].said
        == "the price here comes to 0.003 per time, in the bill it is 0.004"
    )
    nothing = only(
        compared(
            written,
            [{**fee, "抵扣前用量": "0", "目录总价": "0.1", "官网目录价": ""}],
            recorded(0, 0, item="web_search"),
        )
    )
    assert nothing.reasons[0].said == "the price here comes to nothing per time, in the bill it is another"


def test_an_export_of_what_deductions_left_explains_what_is_missing(written: Written) -> None:
    names = [name for name in BARE if name != "抵扣前用量"]
    export = read_export(written(EARLIER, row(用量="1"), LATER, headers=names, names=names))

    (item,) = [each for each in compare_bill([recorded()], export).items if each.model == "qwen-max"]

    assert causes(item) == ["DEDUCTED"]


def test_where_one_key_is_compared_another_may_have_made_what_is_missing(written: Written) -> None:
    comparison = compared(written, [EARLIER, LATER], recorded(), key_id="12345")

    assert causes(next(item for item in comparison.items if item.model == "qwen-max")) == ["OTHER_KEY"]


def test_the_same_quantity_under_another_name_is_said_on_both_sides(written: Written) -> None:
    ours = [recorded(model="qwen-max-latest"), recorded(9, 9, model="x", item="output"), recorded(model="qwen-plus")]
    ours.append(recorded(1, 1, model="qwen-plus", item="output"))  # more than the bill has under the other name
    comparison = compared(written, [EARLIER, ROW, LATER], *ours)

    found = {item.model: item.reasons for item in comparison.items if item.model.startswith("qwen")}
    assert found["qwen-max-latest"][0].said == "the bill has the same quantity under 'qwen-max'"
    assert found["qwen-max"][0].said == "the same quantity was recorded here under 'qwen-max-latest'"


def test_two_of_one_side_with_the_same_quantity_are_no_names_of_each_other(written: Written) -> None:
    comparison = compared(written, [EARLIER, LATER], recorded(), recorded(model="qwen-plus"))

    assert {item.model: causes(item) for item in comparison.items if item.model != "other"} == {
        "qwen-max": ["UNEXPLAINED"], "qwen-plus": ["UNEXPLAINED"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "ours", "told"),
    [
        # the bill does not tell thinking apart
        ([row("output_token")], [recorded(item="output_thinking")], {"output": ("equal", [])}),
        ([row("output_token")], [recorded(1000, 3_000_000, item="output_thinking"), recorded(500, 600_000, item="output")],
         {"output": ("equal", [])}),
        # nor cache hits, whose price is lower here
        ([row("input_token")], [recorded(1000, 2_400_000), recorded(500, 240_000, item="cached_input")],
         {"input": ("differs", ["NOT_APART", "PRICE"])}),
        # none in common, and not as much: still one item
        ([row("output_token")], [recorded(900, 2_160_000, item="output_thinking")], {"output": ("differs", ["ELSEWHERE", "NOT_APART"])}),
        # both tell them apart
        ([row("input_token"), row("input_token_cache")], [recorded(1000, 2_400_000), recorded(2000, 4_800_000, item="cached_input")],
         {"input": ("differs", ["ELSEWHERE"]), "cached_input": ("differs", ["DELAY"])}),
        # only the bill has hits, beside what agrees
        ([row("input_token"), row("input_token_cache")], [recorded()],
         {"input": ("equal", []), "cached_input": ("only in the bill", ["ELSEWHERE"])}),
        # the bill tells thinking apart, and we do not
        ([row("output_token"), row("thinking_output_token")], [recorded(3000, 7_200_000, item="output")], {"output": ("equal", [])}),
        # in two currencies nothing is put together
        ([row("output_token", 定价币种="USD"), row("thinking_output_token")], [recorded(3000, 7_200_000, item="output_audio")],
         {"output": ("only in the bill", ["ELSEWHERE"]), "output_thinking": ("only in the bill", ["ELSEWHERE"]), "output_audio": ("only here", ["DELAY"])}),
    ],
)  # fmt: skip
def test_what_one_side_counts_as_one_is_compared_as_one(
    written: Written, rows: list[dict[str, str]], ours: list[RecordedItem], told: dict[str, Any]
) -> None:
    comparison = compared(written, rows, *ours)

    assert {item.item: (item.verdict, causes(item)) for item in comparison.items} == told


def test_an_item_in_two_currencies_is_compared_in_ours(written: Written) -> None:
    comparison = compared(written, [ROW, row(定价币种="美元")], recorded())

    assert [(item.verdict, item.billed and item.billed.currency) for item in comparison.items] == [
        ("equal", "CNY"), ("only in the bill", "USD"),
    ]  # fmt: skip
    assert [(total.currency, total.difference_nano) for total in comparison.totals] == [("CNY", 0), ("USD", 3_600_000)]


def test_what_is_no_currency_is_compared_with_none(written: Written) -> None:
    comparison = compared(written, [row(定价币种="\x1b[31m点券")], recorded())

    assert only(comparison).reasons[0].said == "here in CNY, in the bill in ?"
    assert [total.currency for total in comparison.totals] == ["?", "CNY"]


def test_what_cannot_be_compared_stands_apart_in_the_sums(written: Written) -> None:
    comparison = compared(written, [row(定价币种="USD")], recorded())

    assert [(t.currency, t.difference_nano, t.recorded_apart_nano, t.billed_apart_nano) for t in comparison.totals] == [
        ("CNY", 0, 3_600_000, 0), ("USD", 0, 0, 3_600_000),
    ]  # fmt: skip
    assert "  Amounts without one to compare with: here 0.0036, in the bill 0." in bill_told(comparison)


def test_what_is_rounded_off_is_of_the_whole_bill(written: Written) -> None:
    ecs = row(产品名称="云服务器 ECS", 实例ID="i-bp1", 抹零="0.002")
    comparison = compared(written, [row(抹零="0.001"), ecs], recorded())

    assert comparison.totals[0].rounding_nano == 3_000_000
    assert "Payable 0.0036, discounts 0, rounded off 0.003." in bill_told(comparison)


# --- its forms ---


def test_a_comparison_in_words(written: Written) -> None:
    search = row(
        "web_search",
        用量单位="次",
        抵扣前用量="3",
        用量="3",
        官网目录价="0.003",
        价格单位="元/次",
        目录总价="0.009",
        **{"应付金额（含税）": "0.009"},
    )
    free = row("output_token", 用量="0", 目录总价="0.0144", 官网目录价="0.0096", **{"应付金额（含税）": "0"})
    ours = [recorded(), recorded(1200, 11_520_000, item="output"), recorded(500, 1_000, model="qwen-plus")]

    assert bill_told(compared(written, [ROW, free, search], *ours)).splitlines() == [
        "The bill 'bill.csv' (utf-8-sig): rows: 3, from 2026-11-22 10:31 to 2026-11-22 10:31, Beijing time.",
        "List price to list price, before free quota, packages and discounts. Differences are the bill's minus ours.",
        "",
        "day         model      item         here   bill  differs     cost here  list price    differs    payable",
        "2026-11-22  qwen-max   output      1,200  1,500     +300   0.01152 CNY  0.0144 CNY   +0.00288      0 CNY  calls made elsewhere; free quota or a package took 1,500 of 1,500",
        "2026-11-22  qwen-max   web_search      -      3       +3             -   0.009 CNY     +0.009  0.009 CNY  only in the bill: calls made elsewhere",
        "2026-11-22  qwen-plus  input         500      -     -500  0.000001 CNY           -  -0.000001          -  only here: the export ends at 2026-11-22 10:31: later calls are not billed yet",
        "",
        "Items: 1 equal, 3 not.",
        "In CNY: here 0.015121, in the bill 0.027, difference +0.011879. Payable 0.0126, discounts 0.",
        "By the likeliest reason:",
        "  calls made elsewhere (2): +0.01188 CNY",
        "  not billed yet (1): -0.000001 CNY",
    ]  # fmt: skip


def test_more_differences_than_a_table_holds_are_counted(written: Written) -> None:
    ours = [recorded(model=f"m{n:03}") for n in range(205)]

    said = bill_told(compared(written, [ROW], *ours))

    assert "m198" in said
    assert "m200" not in said
    assert "6 more differ: the CSV and JSON forms hold all." in said


def test_the_csv_form_holds_every_item(written: Written) -> None:
    comparison = compared(
        written, [ROW, row(实例ID="1;llm-a;=cmd();input_token;app;0")], recorded(), recorded(5, None, item="output")
    )

    rows = list(csv.DictReader(io.StringIO(bill_as_csv(comparison))))

    assert [(each["model"], each["item"], each["verdict"], each["amount_difference"]) for each in rows] == [
        ("'=cmd()", "input", "only in the bill", "0.0036"), ("qwen-max", "input", "equal", "0"),
        ("qwen-max", "output", "only here", ""),
    ]  # fmt: skip
    assert rows[1] | {"reasons": ""} == {
        "day": "2026-11-22", "model": "qwen-max", "item": "input", "verdict": "equal", "unit": "token",
        "recorded_quantity": "1500", "recorded_uncertain": "0", "billed_quantity": "1500", "quantity_difference": "0",
        "recorded_amount": "0.0036", "recorded_currency": "CNY", "billed_list_amount": "0.0036",
        "billed_currency": "CNY", "amount_difference": "0", "payable": "0.0036", "discount": "0", "likely_cause": "",
        "reasons": "",
    }  # fmt: skip
    assert (rows[2]["likely_cause"], rows[2]["reasons"]) == (
        "not billed yet", "the export ends at 2026-11-22 10:31: later calls are not billed yet; no price was known here",
    )  # fmt: skip


def test_the_json_form_says_the_same(written: Written) -> None:
    comparison = compared(written, [ROW, row(抵扣前用量="x"), row(实例ID="i-1")], recorded(1000, 2_400_000))

    said = json.loads(bill_as_json(comparison), parse_float=lambda text: pytest.fail(f"{text} is a float"))

    assert said["items"][0]["quantity_difference"] == "500"
    assert said["totals"] == [
        {"currency": "CNY", "recorded": "0.0024", "billed": "0.0036", "recorded_apart": "0", "billed_apart": "0",
         "payable": "0.0036", "discount": "0", "rounding": "0", "difference": "0.0012"},
    ]  # fmt: skip
    assert said["causes"] == [{"cause": "calls made elsewhere", "currency": "CNY", "items": 1, "difference": "0.0012"}]
    assert said["bill"]["broken"] == [{"line": 3, "why": "'x' under '用量信息/抵扣前用量' is no number"}]
    assert said["bill"]["not_compared"][0]["example"] == "i-1"
    assert (said["bill"]["first"], said["bill"]["rows"]) == ("2026-11-22T10:31:00", 3)


def test_what_hides_in_a_bill_is_made_visible(written: Written) -> None:
    comparison = compared(written, [row(实例ID="1;llm-a;qwen\u202e\x1b[31m;input_token;app;0")])

    assert r"qwen\u202e\x1b[31m" in bill_told(comparison)


def test_no_amount_is_ever_a_float() -> None:
    for file in BILL.glob("*.py"):
        for node in ast.walk(tree_of(file)):
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), file.name
            assert not (isinstance(node, ast.Name) and node.id == "float"), file.name


# --- what always holds ---

NAMES = st.sampled_from(["qwen-max", "qwen-plus"])
CURRENCIES = st.sampled_from(["CNY", "CNY", "USD"])
DAYS = st.integers(0, 2)
KIND_OF = {
    "input": "input_token", "output": "output_token", "output_thinking": "thinking_output_token",
    "cached_input": "input_token_cache", "web_search": "web_search",
}  # fmt: skip
COUNTS = st.integers(0, 5_000)
RECORDS = st.lists(
    st.builds(
        RecordedItem,
        day=DAYS.map(lambda n: DAY + timedelta(days=n)),
        model=NAMES,
        item=st.sampled_from(list(KIND_OF)),
        quantity=COUNTS,
        amount_nano=st.none() | st.integers(0, 10**10),
        currency=CURRENCIES,
        uncertain=st.booleans(),
    ),
    max_size=12,
)


@given(RECORDS, st.lists(st.tuples(COUNTS, st.sampled_from(list(KIND_OF.values())), NAMES, DAYS), max_size=12))
@settings(max_examples=100)
def test_where_every_amount_is_known_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, ours: list[RecordedItem], billed: list[tuple[int, str, str, int]]
) -> None:
    ours = [replace(each, amount_nano=each.amount_nano or 0, currency="CNY") for each in ours]
    rows = [
        tokens(
            count,
            "0.000000007",
            实例ID=f"1;llm-a;{model};{kind};app;0",
            用量单位="次" if kind == "web_search" else "Token",
            消费时间=str(DAY + timedelta(days=day)),
        )
        for count, kind, model, day in billed
    ]
    file = tmp_path_factory.mktemp("bill") / "bill.csv"
    file.write_text(text_of(rows, DETAILS), "utf-8-sig")

    comparison = compare_bill(ours, read_export(file))

    difference = 7 * sum(count for count, *_ in billed) - sum(each.amount_nano or 0 for each in ours)
    assert sum(each.difference_nano or 0 for each in comparison.items) == difference
    assert sum(total.difference_nano for total in comparison.totals) == difference
    assert sum(total.billed_nano for total in comparison.totals) == 7 * sum(count for count, *_ in billed)


@given(st.binary(max_size=60), st.integers(0, 900), st.integers(0, 60), st.sampled_from(["utf-8-sig", "gbk"]))
@settings(max_examples=200)
def test_no_damage_to_a_file_ends_in_anything_but_a_comparison_or_words(
    tmp_path_factory: pytest.TempPathFactory, damage: bytes, at: int, lost: int, encoding: str
) -> None:
    whole = text_of([ROW, ROW, ROW], DETAILS).encode(encoding)
    (file := tmp_path_factory.mktemp("bill") / "bill.csv").write_bytes(whole[:at] + damage + whole[at + lost :])

    try:
        export = read_export(file)
    except BadExport as error:
        said = str(error)
    else:
        said = bill_told(compare_bill([recorded()], export))
        assert sum(each.rows for each in (*export.items, *export.others)) + export.broken_rows == export.rows
    assert said


@st.composite
def bill_rows(draw: st.DrawFn) -> dict[str, str]:
    item, day = draw(st.sampled_from(list(KIND_OF))), DAY + timedelta(days=draw(DAYS))
    unit = "次" if item == "web_search" else draw(st.sampled_from(["Token", "千Token"]))
    amount = Decimal(draw(st.integers(-(10**6), 10**10))).scaleb(-9)
    return row(
        实例ID=f"1;llm-a;{draw(NAMES)};{KIND_OF[item]};{draw(st.sampled_from(['app', 'bmp']))};0",
        消费时间=f"{datetime(day.year, day.month, day.day, draw(st.integers(0, 23)))}",
        抵扣前用量=str(Decimal(draw(COUNTS)).scaleb(-draw(st.integers(0, 3)))),
        用量单位=unit,
        目录总价=f"{amount:f}" if draw(st.integers(0, 9)) else "",
        官网目录价="",
        定价币种=draw(CURRENCIES),
    )


@given(RECORDS, st.lists(bill_rows(), max_size=12), st.randoms())
@settings(max_examples=150)
def test_the_sum_of_the_differences_is_the_difference_of_the_sums(
    tmp_path_factory: pytest.TempPathFactory, ours: list[RecordedItem], rows: list[dict[str, str]], chance: Any
) -> None:
    file = tmp_path_factory.mktemp("bill") / "bill.csv"
    file.write_text(text_of(rows, DETAILS), "utf-8-sig")

    export = read_export(file)
    comparison = compare_bill(ours, export)
    chance.shuffle(ours)

    assert compare_bill(ours, export) == comparison  # in whatever order it was recorded
    quantities = sum((item.quantity_difference for item in comparison.items), Decimal())
    assert quantities == sum(each.quantity for each in export.items) - sum(each.quantity for each in ours)
    for total in comparison.totals:
        alike = [
            each
            for each in comparison.items
            if each.difference_nano is not None and currency_of(each) == total.currency
        ]
        of_causes = [each.difference_nano for each in comparison.causes if each.currency == total.currency]
        assert total.difference_nano == sum(each.difference_nano or 0 for each in alike) == sum(of_causes)
    assert all(item.reasons for item in comparison.differing)
    for form in (bill_told, bill_as_csv, bill_as_json):
        assert form(comparison)


def currency_of(item: ComparedItem) -> str:
    side = item.recorded or item.billed
    assert side
    return side.currency
