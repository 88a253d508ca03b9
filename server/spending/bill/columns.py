"""Which column of an exported bill holds what: found by its name, wherever it stands.

Exports have `group/name` headers in Chinese, the bare names, or English ones. A name that begins with `=` must be the
whole of a header, since others hold it too; any other name may stand anywhere in one.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

BILL_COLUMNS: Mapping[str, tuple[str, ...]] = {  # particular ones first: what is taken is looked at no more
    "usage": ("抵扣前用量",),
    "unit": ("用量单位", "usageunit"),
    "price_unit": ("价格单位", "listpriceunit"),
    "list_total": ("目录总价", "pretaxgrossamount"),
    "price": ("官网目录价", "listprice"),
    "instance": ("实例id(出账粒度)", "实例id", "instanceid"),
    "time": ("消费时间", "consumptiontime", "usagetime"),
    "start": ("服务开始时间", "servicestarttime"),
    "date": ("账单日期", "billingdate"),
    "payable": ("应付金额(含税)", "优惠后金额", "应付金额", "pretaxamount"),
    "discount": ("优惠金额", "invoicediscount"),
    "rounding": ("抹零", "roundoff", "rounding"),
    "currency": ("定价币种", "币种", "currency"),
    "charge": ("费用类型",),
    "product": ("产品名称", "商品名称", "产品code", "商品code", "productname"),
    "usage_left": ("抵扣后用量", "=用量", "用量(", "=usage", "usage("),
    "model": (),  # no export is known to have one: they are in the instance id
    "kind": (),
}
"""What a column can hold: the names it is known by, the surest first."""
COLUMNS_OPTION = "--bill-columns"
MAX_HEADERS_TOLD = 40


class BadExport(Exception):
    """A file that cannot be compared; the text says what was found and what to do next."""


@dataclass(frozen=True)
class Columns:
    """Where each thing stands in a row. `unread`: what two columns claim, so that neither is read."""

    width: int
    places: Mapping[str, int]
    names: Mapping[str, str]
    unread: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def cell(self, cells: Sequence[str], column: str) -> str:
        """What a row holds there, without the blanks around it; "" where there is no such column."""
        place = self.places.get(column)
        return "" if place is None else cells[place].strip()


def columns_of(header: Sequence[str], chosen: Mapping[str, str]) -> Columns:
    """The columns of an export.

    Args:
        header: the cells of its first row.
        chosen: headers by what they hold (`{"usage": "用量信息/用量"}`); "" for a column that is not to be read.

    Raises:
        BadExport: something that is needed has no column; it says which were found, and how to name one.
    """
    heads = [cell.strip() for cell in header]
    if unknown := [name for name in chosen if name not in BILL_COLUMNS]:
        raise BadExport(f"{COLUMNS_OPTION} names {_listed(unknown)}; it can name {', '.join(BILL_COLUMNS)}, and kinds.")
    places = {what: _chosen(heads, what, name) for what, name in chosen.items() if name}
    wanted = {what: names for what, names in BILL_COLUMNS.items() if what not in chosen}
    unread = _find(heads, wanted, places, whole=True)
    unread |= _find(heads, {what: names for what, names in wanted.items() if what not in unread}, places, whole=False)
    _require(heads, places, unread)
    return Columns(
        width=len(heads),
        places=places,
        names={what: heads[place] for what, place in places.items()},
        unread={what: tuple(heads[place] for place in both) for what, both in unread.items()},
    )


def plain_name(header: str) -> str:
    """A header as it is compared: full-width signs narrow, small letters, no blanks."""
    return "".join(unicodedata.normalize("NFKC", header).casefold().replace("_", "").split()).removeprefix("\ufeff")


def quoted(text: str) -> str:
    """Text of a file in a sentence: short, and with what hides or steers made visible."""
    return repr(text if len(text) <= 60 else f"{text[:59]}…")


def _find(
    heads: Sequence[str], wanted: Mapping[str, Sequence[str]], places: dict[str, int], *, whole: bool
) -> dict[str, list[int]]:
    """Adds to `places` what has one column; what has several is returned."""
    several = {}
    for what, names in wanted.items():
        if what in places:
            continue
        free = [place for place in range(len(heads)) if place not in places.values()]
        found = next((hits for name in names if (hits := _hits(heads, free, name, whole))), [])
        if len(found) == 1:
            places[what] = found[0]
        elif found:
            several[what] = found
    return several


def _hits(heads: Sequence[str], free: Sequence[int], name: str, whole: bool) -> list[int]:
    if whole:
        return [place for place in free if name.removeprefix("=") in (plain_name(heads[place]), _bare(heads[place]))]
    return [] if name.startswith("=") else [place for place in free if name in _bare(heads[place])]


def _bare(header: str) -> str:
    """The name without its group; a slash in brackets is none of a group's."""
    group, slash, name = plain_name(header).partition("/")
    return name if slash and "(" not in group else plain_name(header)


def _chosen(heads: Sequence[str], what: str, name: str) -> int:
    named = plain_name(name)
    same = [place for place, head in enumerate(heads) if named in (plain_name(head), _bare(head))]
    found = same or [place for place, head in enumerate(heads) if named in plain_name(head)]
    if len(found) != 1:
        many = "is no column" if not found else f"may be {_listed(heads[place] for place in found)}"
        raise BadExport(f"{COLUMNS_OPTION}: {what} = {quoted(name)} {many}. Found: {_listed(heads)}.")
    return found[0]


def _require(heads: Sequence[str], places: Mapping[str, int], unread: Mapping[str, Sequence[int]]) -> None:
    needs = (("time", "start", "date"), ("instance", "model"), ("usage", "usage_left"), ("unit",))
    lacking = [any_of for any_of in needs if not any(what in places for what in any_of)]
    if "instance" not in places and "kind" not in places and "model" in places:
        lacking.append(("kind",))
    if not lacking:
        return
    said = "; ".join(_lack(any_of) for any_of in lacking)
    both = "".join(f" {what} may be {_listed(heads[at] for at in places)}." for what, places in unread.items())
    example = f'{lacking[0][0]} = "the header of that column"'
    raise BadExport(
        f"The columns of this export are not known: {said}. Found: {_listed(heads)}.{both} "
        f"Name them in a file for {COLUMNS_OPTION}, for example {example}."
    )


def _lack(any_of: Sequence[str]) -> str:
    known = [name.removeprefix("=") for what in any_of for name in BILL_COLUMNS[what]]
    return f"no column for {' or '.join(any_of)}" + (f" (known: {', '.join(known)})" if known else "")


def _listed(names: Iterable[str]) -> str:
    shown = [quoted(name) for name in names]
    more = f" and {len(shown) - MAX_HEADERS_TOLD} more" if len(shown) > MAX_HEADERS_TOLD else ""
    return ", ".join(shown[:MAX_HEADERS_TOLD]) + more
