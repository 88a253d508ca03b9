"""What real servers, gateways and models send beside what DashScope documents, and where that was read.

The rows are stories in `test_replies.py` and the tables of `docs/replies.md`.
"""

from typing import Any

DASHSCOPE = "https://help.aliyun.com/zh/model-studio/qwen-api-via-openai-chat-completions"
DEEPSEEK = "https://api-docs.deepseek.com/api/create-chat-completion"
GLM = "https://docs.bigmodel.cn/api-reference"
OPENAI = "https://platform.openai.com/docs/api-reference/chat"
GEMINI = "https://cloud.google.com/vertex-ai/generative-ai/docs/reference/nodejs/0.5.0/vertexai/finishreason"
ANTHROPIC = "https://docs.anthropic.com/en/api/messages"
VLLM = "https://github.com/vllm-project/vllm"
LM_STUDIO = "https://github.com/lmstudio-ai/lmstudio-js"
TGI = "https://github.com/huggingface/text-generation-inference"
NEW_API = "https://github.com/QuantumNous/new-api/issues/5221"
OPENROUTER = "https://openrouter.ai/docs/api-reference/errors"
OURS = "a variant made here"

# What came, what we call it, what the line of an answer says beside the plain facts; where it was read
FINISH_REASONS: list[tuple[str, str, str, str]] = [
    ("stop", "stop", "", DASHSCOPE),
    ("length", "length", "the output limit was reached", DASHSCOPE),
    ("tool_calls", "tool_calls", "", DASHSCOPE),
    ("content_filter", "content_filter", "content filter cut the answer off", OPENAI),
    ("function_call", "tool_calls", "", OPENAI),
    ("insufficient_system_resource", "interrupted", "the service ran out of resources", DEEPSEEK),
    ("aborted", "interrupted", "the service gave it up", DEEPSEEK),
    ("sensitive", "content_filter", "content filter cut the answer off", GLM),
    ("network_error", "interrupted", "the service failed", GLM),
    (
        "model_context_window_exceeded",
        "length",
        "the output limit was reached",
        "https://github.com/anomalyco/opencode/pull/18814",
    ),
    (
        "repetition_truncation",
        "repetition_truncation",
        "repeated itself and was stopped",
        "Xiaomi MiMo, as its clients handle it",
    ),
    ("max_tokens", "length", "the output limit was reached", ANTHROPIC),
    ("end_turn", "stop", "", ANTHROPIC),
    ("stop_sequence", "stop", "", ANTHROPIC),
    ("tool_use", "tool_calls", "", ANTHROPIC),
    ("refusal", "refusal", "the model refused to answer", ANTHROPIC),
    ("pause_turn", "pause_turn", "stopped for a reason that is not known (pause_turn)", ANTHROPIC),
    ("STOP", "stop", "", GEMINI),
    ("MAX_TOKENS", "length", "the output limit was reached", GEMINI),
    ("SAFETY", "content_filter", "content filter cut the answer off", GEMINI),
    ("PROHIBITED_CONTENT", "content_filter", "content filter cut the answer off", GEMINI),
    ("BLOCKLIST", "content_filter", "content filter cut the answer off", GEMINI),
    ("RECITATION", "content_filter", "content filter cut the answer off", GEMINI),
    ("OTHER", "OTHER", "stopped for a reason that is not known (OTHER)", GEMINI),
    ("abort", "interrupted", "the service gave it up", VLLM),
    ("repetition", "repetition", "repeated itself and was stopped", VLLM),
    ("error", "interrupted", "the service failed", "https://github.com/maximhq/bifrost/issues/5425"),
    ("eos_token", "stop", "", TGI),
    ("eosFound", "stop", "", LM_STUDIO),
    ("stopStringFound", "stop", "", LM_STUDIO),
    ("maxPredictedTokensReached", "length", "the output limit was reached", LM_STUDIO),
    ("contextLengthReached", "length", "the output limit was reached", LM_STUDIO),
    ("userStopped", "interrupted", "the service gave it up", LM_STUDIO),
    ("modelUnloaded", "interrupted", "the service gave it up", LM_STUDIO),
    ("failed", "interrupted", "the service failed", LM_STUDIO),
    ("interrupted", "interrupted", "the service broke the answer off", OURS),
    ("2", "2", "stopped for a reason that is not known (2)", OURS),
    ("something_new", "something_new", "stopped for a reason that is not known (something_new)", OURS),
]

# The body of a refusal, the words and the code that are told; where the form was read
ERROR_BODIES: list[tuple[Any, str, str, str]] = [
    ({"code": "Odd", "message": "the reason", "request_id": "r"}, "the reason", "Odd", DASHSCOPE),
    (
        {"error": {"message": "the reason", "type": "odd_error", "param": None, "code": None}},
        "the reason",
        "odd_error",
        OPENAI,
    ),
    ({"error": "the reason"}, "the reason", "", "https://github.com/ollama/ollama"),
    ({"errors": ["the reason", "another"]}, "the reason; another", "", "https://developers.cloudflare.com/workers-ai"),
    (
        {"errors": [{"code": 7003, "message": "the reason"}], "success": False},
        "the reason",
        "7003",
        "https://developers.cloudflare.com/api",
    ),
    ({"errors": {"message": "the reason"}}, "the reason", "", OURS),
    ({"detail": "the reason"}, "the reason", "", "https://fastapi.tiangolo.com/tutorial/handling-errors"),
    (
        {"detail": [{"loc": ["body", "model"], "msg": "field required", "type": "missing"}]},
        "body.model: field required",
        "missing",
        "https://fastapi.tiangolo.com/tutorial/handling-errors",
    ),
    ({"code": 1211, "msg": "the reason", "success": False}, "the reason", "1211", GLM),
    (
        {"error_code": 336003, "error_msg": "the reason"},
        "the reason",
        "336003",
        "https://cloud.baidu.com/doc/WENXINWORKSHOP",
    ),
    (
        {"error": "invalid_request", "error_description": "the reason"},
        "the reason",
        "",
        "https://www.rfc-editor.org/rfc/rfc6749",
    ),
    (
        [{"error": {"code": 400, "message": "the reason", "status": "INVALID_ARGUMENT"}}],
        "the reason",
        "400",
        "https://ai.google.dev/gemini-api/docs/openai",
    ),
    ({"error": {"error": {"message": "the reason", "code": "odd"}}}, "the reason", "odd", NEW_API),
    ({"error": {"message": "", "error": "the reason"}}, "the reason", "", OURS),
    (
        {"statusCode": 400, "message": ["the reason"], "error": "Bad Request"},
        "the reason",
        "",
        "https://docs.nestjs.com/exception-filters",
    ),
    (
        {"object": "error", "message": "the reason", "type": "BadRequestError", "code": 40303},
        "the reason",
        "40303",
        VLLM,
    ),
    (
        {"type": "about:blank", "title": "the reason", "status": 400},
        "the reason",
        "about:blank",
        "https://www.rfc-editor.org/rfc/rfc9457",
    ),
    (
        {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": "the reason"}}},
        "Provider returned error (the reason)",
        "400",
        OPENROUTER,
    ),
    ("the reason", "the reason", "", "gateways that answer with plain text"),
]

CHERRY_STUDIO = "https://github.com/CherryHQ/cherry-studio/issues/10621"
VANE = "https://github.com/ItzCrazyKns/Vane/pull/719"
DEEPSEEK_CHAT = "https://github.com/deepseek-ai/DeepSeek-V3/issues/1626"
LIBRECHAT = "https://github.com/danny-avila/LibreChat/issues/3437"
REPORTS = "https://github.com/xwbcl123/zai-agent-skills"
CITATIONS = "https://help.aliyun.com/zh/model-studio/web-search"
# What a model wrote where pages 1 to 4 were found and 甲[ref_4] stands before it, what it becomes, where it was seen
CITATION_FORMS: list[tuple[str, str, str]] = [
    ("[ref_3]", "[2]", CITATIONS),
    ("[ref_3][ref_1]", "[2][3]", CITATIONS),
    ("[ref_3, ref_1]", "[2][3]", OURS),
    ("[ref_3, 1]", "[2][3]", OURS),
    ("[ref_1-3]", "[2][3][4]", OURS),
    ("[ref_1-ref_3]", "[2][3][4]", OURS),
    ("[ref_1~3]", "[2][3][4]", OURS),
    ("【ref_3】", "[2]", OURS),
    ("［ref_3］", "[2]", OURS),
    ("[ref 3]", "[2]", OURS),
    ("[ref-3]", "[2]", OURS),
    ("[ref3]", "[2]", OURS),
    ("[Ref_3]", "[2]", OURS),
    ("[^ref_3]", "[2]", OURS),
    ("[^3]", "[2]", OURS),
    (r"\[ref_3\]", "[2]", OURS),
    (r"[ref\_3]", "[2]", OURS),
    ("[ref_3 和 ref_1]", "[2][3]", OURS),
    ("[ref_3及ref_1]", "[2][3]", OURS),
    ("[ref_3/ref_1]", "[2][3]", OURS),
    ("[参考ref_3]", "[2]", OURS),
    ("[参考资料：ref_3]", "[2]", OURS),
    ("(ref_3)", "[2]", OURS),
    ("（ref_3、ref_1）", "[2][3]", OURS),
    ("ref_3", "[2]", OURS),
    ("[3,1]", "[2][3]", CHERRY_STUDIO),
    ("[3][1]", "［3］［1］", "may be the answer's own, where others are written [ref_4]"),
    ("[1-3]", "[2][3][4]", OURS),
    ("【3】", "[2]", OURS),
    ("[来源3]", "[2]", OURS),
    ("[来源 3、来源 1]", "[2][3]", OURS),
    ("[source 3]", "[2]", OURS),
    ("[ref_3](https://a.cn/3)", "[2]", OURS),
    ("[ref_9]", "", "a number that no page has"),
    ("[ref_3, ref_9]", "[2]", "the same, among others"),
    ("[3](https://a.cn/3)", "[2]", "an address of that page beside it"),
    ("[3](https://b.cn/)", "［3］(https://b.cn/)", "a link of the answer's own"),
    ("[2024]", "［2024］", "a year"),
    ("[0, 1]", "［0, 1］", "an interval"),
    ("[3, 2024]", "［3, 2024］", "data"),
    ("(3)", "(3)", "counting"),
    ("`a[3]`", "`a[3]`", "code"),
    ("`[ref_3]`", "`[ref_3]`", "code"),
    ("\n```py\na[3] = [ref_3]\n```\n", "\n```py\na[3] = [ref_3]\n```\n", "code"),
    ("\n~~~\n[ref_3]\n~~~\n", "\n~~~\n[ref_3]\n~~~\n", "code"),
    ("[3, 1, 2]", "[2][3][4]", VANE),
    ("[citation:3]", "[2]", DEEPSEEK_CHAT),
    ("[Reference 3]", "[2]", DEEPSEEK_CHAT),
    ("【3†source】", "[2]", LIBRECHAT),
    ("[[ref_3]](https://a.cn/3)", "[[2]](https://a.cn/3)", REPORTS),
    ("[[3]](https://a.cn/3)", "[[2]](https://a.cn/3)", REPORTS),
    (r"[\[3\]](https://a.cn/3)", "[[2]](https://a.cn/3)", REPORTS),
    ("[[3]](https://b.cn/)", "[［3］](https://b.cn/)", "a link of the answer's own"),
    ("[^3^]", "[2]", OURS),
    ("[webpage 3]", "[2]", OURS),
    ("(来源3)", "[2]", OURS),
    ("[ref_3-1]", "[2][3]", OURS),
    ("[ref_3-ref_99]", "[2]", "its ends are named"),
    ("ref_3-ref_1", "[2][3]", OURS),
    ("ref_3/ref_1", "[2]/[3]", OURS),
    ("[见ref_3]", "[见[2]]", OURS),
    ("[ref_3](https://b.cn/)", "[2] (https://b.cn/)", "a link to elsewhere is kept apart"),
    ("[3, 9]", "［3, 9］", "not each has a page"),
    ("x = [1, 2, 3]", "x = ［1, 2, 3］", "data"),
    ("f([1, 2])", "f(［1, 2］)", "data"),
    ("[[1, 2], [3, 4]]", "[［1, 2］, ［3, 4］]", "data"),
    ("区间[1, 3]", "区间［1, 3］", "an interval"),
    ("[1-3]月", "［1-3］月", "a span of time"),
    ("国发〔2024〕3号", "国发〔2024〕3号", "the number of a document"),
    ("https://a.cn/3?a=ref_3", "https://a.cn/3?a=ref_3", "an address"),
    ("`a\n[ref_3]`", "`a\n[ref_3]`", "code"),
    (r"\`[ref_3]\`", r"\`[2]\`", "escaped, no code"),
    ("\n```a[3]``` [ref_3]", "\n```a[3]``` [2]", "code on a line, no block"),
    ("\n- 列\n  ```\n  [ref_3]\n  ```\n", "\n- 列\n  ```\n  [ref_3]\n  ```\n", "code"),
    (
        "\n```\n[ref_3]\n```py\n[ref_3]\n```\n",
        "\n```\n[ref_3]\n```py\n[ref_3]\n```\n",
        "code: a named fence closes none",
    ),
]
