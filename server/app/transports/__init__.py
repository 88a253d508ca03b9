"""How hosts reach the server: stdio, SSE, streamable HTTP."""
