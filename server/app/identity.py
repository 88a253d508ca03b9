"""Who this server says it is; the standard library only, so that it is said at once."""

NAME = "bailian"
TITLE = "Alibaba Cloud Model Studio (百炼)"
INSTRUCTIONS = (
    "Models of Alibaba Cloud Model Studio (百炼, DashScope), billed per token. The first line of an answer is this "
    "server's: [model | tokens in+out | list price | request id]; look at it before you repeat a call. Where it says "
    "RUNNING, get the answer with `job`. Free quota and promotions are not in the price. cost(request_id=...) gives a "
    "call's whole sum. Answers may be in Chinese."
)
TASKS = "io.modelcontextprotocol/tasks"  # the extension of the protocol that we offer
SAME_FOR_MS = 3_600_000  # how long a host may keep what is the same for everyone
