"""What is measured of one server over stdio. Milliseconds, unless a name says otherwise."""

import os
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
SAID = re.compile(rb"(\d{3,}\.\d{3,})")
SLOW_S, IN_FLIGHT, SLOW_IN_FLIGHT = 0.2, 64, 256
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
    """From the word of the host to the end of the connection."""
    for number in range(calls):
        id = host.begin("tools/call", call_of("bench:pause", progressToken=f"c{number}"))
        if number == 0 and not tells_progress(host, upstream, id):
            return
        if number:
            host.line()
        since = time.monotonic()
        host.send({"method": "notifications/cancelled", "params": {"requestId": id}})
        yield CANCEL, 1000 * (upstream.line() - since)


def tells_progress(host: Host, upstream: Upstream, id: int) -> bool:
    """Whether it says when a call is under way: else nobody can tell when to cancel it."""
    time.sleep(0.2)
    os.set_blocking(host._from, False)
    try:
        return bool(host.line())
    except BlockingIOError:
        host.send({"method": "notifications/cancelled", "params": {"requestId": id}})
        return False
    finally:
        os.set_blocking(host._from, True)


def big(host: Host) -> Figures:
    before = memory_mib(host.process.pid)
    forget_peak(host.process.pid)
    since = time.monotonic()
    host.call("bench:big")
    yield BIG, ms(since)
    yield BIG_GROWTH, memory_mib(host.process.pid, "VmHWM") - before


def growth(host: Host, calls: int) -> Figures:
    """Once it is warm."""
    before = memory_mib(host.process.pid)
    for _ in range(calls):
        host.call("bench:20")
    yield LEAK, 1024 * (memory_mib(host.process.pid) - before) * 1000 / calls


def ms(since: float) -> float:
    return 1000 * (time.monotonic() - since)
