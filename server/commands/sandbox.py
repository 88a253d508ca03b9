"""`bailian-mcp sandbox`: the stand-in DashScope alone, to point other programs at."""

from ..files import LocalReader
from ..sandbox import serve
from ..settings import child_environment


def main(host: str, port: int, latency_ms: float, chunk: int) -> int:
    return serve(host, port, latency_ms, chunk, LocalReader(child_environment()))
