"""What the sandbox is not: said in the form of the path that was asked, and marked."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..endpoints import SANDBOX_HEADER
from .chat_completions import Chat
from .native_generation import Native
from .requests import ApiRefusal


async def not_served(request: Request, error: Exception) -> Response:
    """404 and 405, as DashScope would word an error: a client that knows it shows the sentence."""
    status, path = getattr(error, "status_code", 404), request.url.path
    compatible = path.startswith(("/compatible-mode/", "/compatible-api/"))
    code = "sandbox_not_served" if compatible else "SandboxNotServed"
    said = f"The bailian-mcp sandbox does not serve {request.method} {path}. docs/sandbox.md tells what it serves."
    body = (Chat() if compatible else Native()).refusal(ApiRefusal(status, code, said), "sandbox")
    return JSONResponse(body, status, headers={SANDBOX_HEADER: "1"})
