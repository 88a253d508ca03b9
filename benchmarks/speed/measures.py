"""What is measured of one server over stdio. Milliseconds, unless a name says otherwise."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from host import Host, call_of
from machine import cpu_s, forget_peak, memory_mib
from upstreams import Upstream

LISTED, FIRST = "start -> tools/list", "start -> first call"
CALL, CPU, MANY = "a call of 20 chunks", "its CPU, 64 in flight", "calls/s, 64 in flight"
IDEAL, PROGRESS, CANCEL = "256 x 200 ms, of ideal", "first chunk -> progress", "cancel -> upstream closed"
BIG, BIG_GROWTH, MEMORY = "5 MB reply", "5 MB reply, growth MiB", "memory after a call, MiB"
LEAK, PACED = "growth per 1,000 calls, KiB", "a call of 20 chunks 5 ms apart, CPU"
OVER_HTTP, MANY_OVER_HTTP = "a call over HTTP (2026)", "calls/s over HTTP, 64 in flight"
MANY_BY_TWO = "calls/s over HTTP, 64 in flight, 2 workers"
IDEAL_OVER_HTTP = "256 x 200 ms over HTTP, of ideal"
AIMS = {
    LISTED: "0.10", FIRST: "0.65", MEMORY: "0.75", CALL: "0.30", MANY: "5", IDEAL: "0.85 (as it is)", PROGRESS: "0.45",
    CANCEL: "1.0", BIG: "0.6", BIG_GROWTH: "0.6", LEAK: "below 100 (as it is)", IDEAL_OVER_HTTP: "0.85 (as it is)",
}  # fmt: skip
SAID = re.compile(rb"(\d{3,}\.\d{3,})")
FILLED_BY = 2_000  # calls
SLOW_S, HEARD_S, IN_FLIGHT, SLOW_IN_FLIGHT = 0.2, 1.0, 64, 256
Figures = Iterator[tuple[str, float]]


def start(command: Any, env: dict[str, str]) -> Figures:
    """From the start of the process to its answers, as a host waits for them."""
    since = time.monotonic()
    host = Host(command, env)
    host.greet()
    host.ask("tools/list", {})
    yield LISTED, ms(since)
    host.call("x")
    yield FIRST, ms(since)
    yield MEMORY, memory_mib(host.process.pid, "VmHWM")
    host.end()


def one_by_one(host: Host, calls: int, direct: Callable[[str], float]) -> Figures:
    """What a call takes beyond what DashScope itself would have, asked by a bare socket."""
    for _ in range(calls):
        alone = direct("bench:20")
        since = time.monotonic()
        host.call("bench:20")
        yield CALL, ms(since) - alone


def at_once(host: Host, prompt: str, in_flight: int, seconds: float) -> tuple[float, float]:
    """Calls a second, and seconds of processor time a call; whenever one ends another begins."""
    cpu, begun, done = cpu_s(host.process.pid), 0, 0
    since = time.monotonic()
    for _ in range(in_flight):
        host.begin("tools/call", call_of(prompt))
    last = since
    while done < in_flight + begun:
        if Host.answers(host.line()):
            done += 1
            last = time.monotonic()
            if last - since < seconds:
                begun += 1
                host.begin("tools/call", call_of(prompt))
    return done / (last - since), (cpu_s(host.process.pid) - cpu) / done


def busy(host: Host, seconds: float) -> Figures:
    a_second, cpu = at_once(host, "bench:20", IN_FLIGHT, seconds)
    yield MANY, a_second
    yield CPU, 1000 * cpu


def patient(host: Host, seconds: float) -> Figures:
    """Of ideal: as many calls as would be if only DashScope took time."""
    a_second, _ = at_once(host, "bench:slow", SLOW_IN_FLIGHT, seconds)
    yield IDEAL, a_second * SLOW_S / SLOW_IN_FLIGHT


def paced(host: Host, seconds: float) -> Figures:
    _, cpu = at_once(host, "bench:paced", IN_FLIGHT, seconds)
    yield PACED, 1000 * cpu


def first_progress(host: Host, calls: int) -> Figures:
    for number in range(calls):
        id = host.begin("tools/call", call_of("bench:20", progressToken=f"p{number}"))
        heard = False
        while not Host.answers(line := host.line(), id):
            if not heard and (said := SAID.search(line)):
                heard = True
                yield PROGRESS, ms(float(said[1]))


def cancelled(host: Host, upstream: Upstream, calls: int) -> Figures:
    """From the word of the host to the end of the connection; of a server that says when a call is under way."""
    for number in range(calls):
        id = host.begin("tools/call", call_of("bench:pause", progressToken=f"c{number}"))
        heard = host.hears_within(HEARD_S)
        since = time.monotonic()
        host.send({"method": "notifications/cancelled", "params": {"requestId": id}})
        if not heard:
            return
        host.line()
        yield CANCEL, 1000 * (upstream.line() - since)


def big(host: Host) -> Figures:
    before = memory_mib(host.process.pid)
    forget_peak(host.process.pid)
    since = time.monotonic()
    host.call("bench:big")
    yield BIG, ms(since)
    yield BIG_GROWTH, memory_mib(host.process.pid, "VmHWM") - before


def growth(host: Host, calls: int) -> Figures:
    """Once what is kept of the last calls is full."""
    for _ in range(FILLED_BY):
        host.call("bench:20")
    before = memory_mib(host.process.pid)
    for _ in range(calls):
        host.call("bench:20")
    yield LEAK, 1024 * (memory_mib(host.process.pid) - before) * 1000 / calls


def ms(since: float) -> float:
    return 1000 * (time.monotonic() - since)
