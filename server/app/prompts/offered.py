"""The prompts there are: names, titles, arguments. Data alone, so that a server starts as fast with them."""

from mcp.types import Prompt, PromptArgument


def _argument(name: str, description: str, *, required: bool = False) -> PromptArgument:
    return PromptArgument(name=name, description=description, required=required)


MODEL = _argument("model", "模型；不填：目录建议的。Model id; empty: what the catalog advises")
OFFERED = (
    Prompt(
        name="patent_abstract",
        title="专利摘要翻译",
        description="翻译专利摘要，保留术语。Translate a patent's abstract, terms kept.",
        arguments=[
            _argument("text", "摘要原文。The abstract itself", required=True),
            _argument("target_lang", "译成什么语言，默认英文。Into which language; default: English"),
            _argument("terms", "术语：原文=译文; 原文=译文。Terms: word=translation; word=translation"),
            MODEL,
        ],
    ),
    Prompt(
        name="patent_claims",
        title="权利要求抽取与分析",
        description="抽取权利要求，逐项给出原文依据。Extract a patent's claims, each with its place in it.",
        arguments=[
            _argument("file", "专利的 PDF 或文本文件路径。Path of the patent: PDF or text", required=True),
            MODEL,
        ],
    ),
    Prompt(
        name="patent_drawing",
        title="专利附图识别",
        description="读附图：文字、标记、部件及其连接。Read a drawing: text, reference signs, how parts connect.",
        arguments=[
            _argument("image", "附图的图片路径或 https 地址。Path or https URL of the image", required=True),
            _argument("signs", "说明书中的附图标记，如 1 基座; 2 翅片。Reference signs of the description"),
            MODEL,
        ],
    ),
    Prompt(
        name="patent_bulk",
        title="批量专利处理（半价）",
        description="先试算、再以 Batch 半价处理一批专利。Estimate, then work through many patents at the Batch price.",
        arguments=[
            _argument("source", ".jsonl 文件或通配符。A .jsonl file, or a glob of text files", required=True),
            _argument("instruction", "对每件专利做什么。What to do with each patent"),
            _argument("count", "大约多少件，默认 100。About how many; default: 100"),
            MODEL,
        ],
    ),
    Prompt(
        name="patent_reading",
        title="复杂专利解读（深度思考）",
        description="用推理模型解读难题，如新颖性、保护范围。A hard question for a reasoning model.",
        arguments=[
            _argument("question", "要解读的问题。The question", required=True),
            _argument("file", "专利的 PDF 或图片。The patent: a PDF or an image"),
            MODEL,
        ],
    ),
)  # fmt: skip
