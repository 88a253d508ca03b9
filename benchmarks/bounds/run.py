"""`make bounds`: how far the worst case that is held lies above what a request really cost, by kind."""

import sys
from collections import defaultdict
from decimal import Decimal
from statistics import median
from typing import Any, cast

from bailian_mcp.server.calls.context import AppContext
from bailian_mcp.server.calls.worst_case import worst_case
from bailian_mcp.server.catalog import shipped
from bailian_mcp.server.catalog.pricing import cost_of
from bailian_mcp.server.endpoints import host

from .cases import BoundCase, cases

CONTEXT = AppContext(cast("Any", None), host("https://dashscope.aliyuncs.com"))


def bound_and_cost(case: BoundCase) -> tuple[Decimal, Decimal]:
    """In CNY: what would be held, and what it came to."""
    worst = worst_case(CONTEXT, case.plan)
    cost = cost_of(shipped(), case.plan.model, case.used, region=CONTEXT.region, on=CONTEXT.today())
    assert worst.most is not None, worst.why_unknown
    assert cost.total is not None, cost.reason
    return worst.most, cost.total


def main() -> int:
    found = defaultdict(list)
    for case in cases():
        bound, cost = bound_and_cost(case)
        found[case.kind].append((bound - cost, bound / cost))
    for kind, excess in found.items():
        by, times = median(cny for cny, _ in excess), median(ratio for _, ratio in excess)
        sys.stdout.write(f"{kind:10} {len(excess):3} cases  median excess {by:.4f} CNY, {times:.1f} times the cost\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
