"""`make bench`: bailian-mcp beside the smallest servers on the official SDKs and another of DashScope; on loopback.

Absolute times are this machine's and drift; the ratio is what counts. Each round measures each server once.
"""

import argparse
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable

import measures
from host import Host, hosting
from measures import Figures
from peers import Peer, found
from upstreams import Upstream

STARTS = 3  # of each server in each round
CALLS, SECONDS = 200, 2.0
Samples = dict[str, dict[str, list[float]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="names of parts, with commas: start one busy patient ...")
    parser.add_argument("--peers", default="", help="how many of the servers, or their numbers, with commas")
    given = parser.parse_args()
    samples: Samples = defaultdict(lambda: defaultdict(list))
    servers = found()
    if given.peers:
        servers = [servers[int(number)] for number in given.peers.split(",")]
    for number in range(given.rounds):
        for peer in servers:
            print(f"round {number + 1}: {peer.name}", file=sys.stderr)
            for name, value in measured(peer, set(filter(None, given.only.split(",")))):
                samples[name][peer.name].append(value)
    print(table(samples, [peer.name for peer in servers], given.rounds))


def measured(peer: Peer, only: set[str]) -> Figures:
    with Upstream() as upstream, tempfile.TemporaryDirectory() as folder:
        environment = peer.environment(upstream.url, folder)
        if not only or "start" in only:
            for _ in range(STARTS):
                yield from measures.start(peer.command, environment)
        parts: dict[str, Callable[[Host], Iterable[tuple[str, float]]]] = {
            "one": lambda host: measures.one_by_one(host, CALLS, upstream.directly),
            "progress": lambda host: measures.first_progress(host, CALLS // 4),
            "cancel": lambda host: measures.cancelled(host, upstream, CALLS // 8),
            "busy": lambda host: measures.busy(host, SECONDS),
            "paced": lambda host: measures.paced(host, SECONDS),
            "patient": lambda host: measures.patient(host, SECONDS),
            "growth": lambda host: measures.growth(host, 1_000),
            "big": measures.big,
        }
        with hosting(peer.command, environment) as host:
            for _ in range(peer.warm_calls):
                host.call("bench:20")
            for name, part in parts.items():
                if not only or name in only:
                    yield from part(host)


def table(samples: Samples, servers: list[str], rounds: int) -> str:
    lines = [f"medians of {rounds} rounds, milliseconds unless said otherwise; beside each the ratio to ours"]
    lines.append(f"{'':38}" + "".join(f"{name:>22}" for name in servers))
    for what, by_server in samples.items():
        one = statistics.median(by_server[servers[0]]) if by_server[servers[0]] else 0.0
        cells = []
        for name in servers:
            if not by_server[name]:
                cells.append(f"{'-':>22}")
                continue
            value = statistics.median(by_server[name])
            ratio = f"{one / value:8.2f}" if name != servers[0] and value else " " * 8
            cells.append(f"{value:14.2f}{ratio}")
        lines.append(f"{what:38}" + "".join(cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
