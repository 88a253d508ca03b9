"""`make bench`: bailian-mcp beside the smallest servers on the official SDKs and another of DashScope; on loopback.

Absolute times are this machine's and drift; the ratio is what counts. Each round measures each server once.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

import measures
import web
from host import Host, hosting
from measures import Figures
from peers import Peer, found
from upstreams import Upstream

STARTS = 3  # of each server in each round
CALLS, SECONDS = 200, 2.0
PARTS = ("start", "one", "busy", "paced", "patient", "progress", "cancel", "growth", "big", "http")
Samples = dict[str, dict[str, list[float]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help=f"some of {', '.join(PARTS)}, with commas")
    parser.add_argument("--peers", default="", help="numbers of some servers, with commas: 0 is ours")
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
        if peer.speaks_2026 and (not only or "http" in only):
            yield from over_http(peer, environment)


def over_http(peer: Peer, environment: dict[str, str]) -> Figures:
    with web.serving([*peer.command, *peer.http], environment) as port:
        list(web.one(port, "bench:20", CALLS))
        for taken in web.one(port, "bench:20", CALLS):
            yield measures.OVER_HTTP, taken
        yield measures.MANY_OVER_HTTP, web.at_once(port, "bench:20", measures.IN_FLIGHT, SECONDS)
        a_second = web.at_once(port, "bench:slow", measures.SLOW_IN_FLIGHT, SECONDS)
        yield measures.IDEAL_OVER_HTTP, a_second * measures.SLOW_S / measures.SLOW_IN_FLIGHT
    if peer.workers:
        with web.serving([*peer.command, *peer.workers], environment) as port:
            time.sleep(web.STARTS_S / 4)  # until all of them listen
            list(web.one(port, "bench:20", CALLS))
            yield measures.MANY_BY_TWO, web.at_once(port, "bench:20", measures.IN_FLIGHT, SECONDS)


def table(samples: Samples, servers: list[str], rounds: int) -> str:
    """Medians, behind each peer's how many times of it ours is."""
    lines = [f"medians of {rounds} rounds, milliseconds unless said otherwise; behind a peer's, ours in terms of it"]
    lines.append(f"{'':38}" + "".join(f"{name:>22}" for name in servers) + "  aim, of the Python SDK's")
    for what, of in samples.items():
        found = {name: statistics.median(of[name]) for name in servers if of[name]}
        cells = "".join(_cell(found, name, servers[0]) for name in servers)
        lines.append(f"{what:38}{cells}  {measures.AIMS.get(what, '')}".rstrip())
    return "\n".join(lines)


def _cell(found: dict[str, float], name: str, ours: str) -> str:
    if name not in found:
        return f"{'-':>14}{'':8}"
    ratio = f"{found[ours] / found[name]:8.2f}" if name != ours and ours in found and found[name] else " " * 8
    return f"{found[name]:14.2f}{ratio}"


if __name__ == "__main__":
    main()
