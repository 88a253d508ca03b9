"""Files that messages name by their ids, as qwen-long reads them: their text stands in the place of the id.

Pages: https://help.aliyun.com/zh/model-studio/long-context-qwen-long and /error-code
"""

from dataclasses import replace
from typing import Any

from .kept_files import KeptFile, KeptFiles
from .requests import ApiRefusal, SandboxRequest

NAMED_BY = "fileid://"
LONG = "qwen-long"
MAX_DOCUMENTS = 100


def with_documents(asked: SandboxRequest, kept: KeptFiles) -> SandboxRequest:
    """The request with the texts. Raises ApiRefusal: there is no such file, or it is not read yet."""
    if asked.protocol != "chat" or not asked.name.startswith(LONG):
        return asked
    ids = [id for message in asked.messages for id in _named(message)]
    if not ids:
        return asked
    if len(ids) > MAX_DOCUMENTS:
        raise _invalid("Too many files provided.")
    texts = {id: _text(id, kept) for id in ids}
    messages = [_read(message, texts) for message in asked.messages]
    return replace(asked, messages=messages, documents=len(ids))


def _named(message: Any) -> list[str]:
    """Of a system message only."""
    content = message.get("content") if isinstance(message, dict) and message.get("role") == "system" else ""
    if not isinstance(content, str) or not content.startswith(NAMED_BY):
        return []
    return [each.strip().removeprefix(NAMED_BY) for each in content.split(",")]


def _read(message: Any, texts: dict[str, str]) -> Any:
    ids = _named(message)
    return {**message, "content": "\n".join(texts[id] for id in ids)} if ids else message


def _text(id: str, kept: KeptFiles) -> str:
    file = kept.files.get(id)
    if file is None:
        raise _invalid(f"File [id:{id}] cannot be found.")
    if file.purpose != "file-extract":
        raise _invalid(f"File [id:{id}] format is not supported.")
    if file.status != "processed":
        kept.read(file)
        raise _invalid("File parsing in progress, please try again later.")
    return _words(file) or _blank(id)


def _words(file: KeptFile) -> str:
    """The sandbox reads texts; of anything else it has the bytes as letters, so that it counts."""
    return file.content.decode("utf-8", "replace").strip()


def _blank(id: str) -> str:
    raise _invalid(f"File [id:{id}] content blank.")


def _invalid(message: str) -> ApiRefusal:
    return ApiRefusal(400, "invalid_parameter_error", message)
