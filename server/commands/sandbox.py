"""`bailian-mcp sandbox`: the stand-in DashScope alone, to point other programs at."""

from ..sandbox import serve


def main(host: str, port: int, latency_ms: float, chunk: int) -> int:
    return serve(host, port, latency_ms, chunk)
