"""The tools of the groups as a host has them: a real process over stdio, the sandbox behind it, real files, both eras."""

import csv
import json
import wave
import zipfile
from pathlib import Path
from typing import Any

import anyio
import pytest
from conftest import process, text_of
from mcp import Client
from papers import PATENT, pdf

pytestmark = [pytest.mark.anyio, pytest.mark.both_eras]
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
WORDS = (
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    "<w:p><w:r><w:t>合同金额为一百万元。</w:t></w:r></w:p></w:body></w:document>"
)


def papers(folder: Path) -> None:
    """What such a user has on the disk."""
    folder.mkdir()
    (folder / "patent.pdf").write_bytes(pdf(PATENT))
    (folder / "lake.txt").write_text("西湖在杭州。name: 西湖", "utf-8")
    (folder / "tea.md").write_text("# 茶\n\n龙井茶产于杭州。", "utf-8")
    (folder / "asked.jsonl").write_text('{"id": "a", "prompt": "西湖"}\n"苏州"\n', "utf-8")
    with zipfile.ZipFile(folder / "contract.docx", "w") as packed:
        packed.writestr("word/document.xml", WORDS)
        packed.writestr("[Content_Types].xml", "<Types/>")
    with wave.open(str(folder / "talk.wav"), "wb") as sound:
        sound.setparams((1, 2, 8_000, 0, "NONE", ""))
        sound.writeframes(b"\0\0" * 16_000)


async def test_every_tool_of_every_group_does_its_work(era: str, tmp_path: Path) -> None:
    papers(desk := tmp_path / "desk")
    out = tmp_path / "out"
    environment = {
        "BAILIAN_TOOLS": "all", "BAILIAN_ALLOWED_DIRS": str(desk), "BAILIAN_OUTPUT_DIR": str(out),
        "BAILIAN_STATE_DIR": str(tmp_path / "state"), "BAILIAN_LANGUAGE": "en",
    }  # fmt: skip
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "half price": ("batch", {"tool": "chat", "source": str(desk / "asked.jsonl"), "output": "half.jsonl"}),
        "now": ("batch", {"tool": "extract", "source": str(desk / "*.txt"), "how": "now", "output": "now.csv",
                          "arguments": json.dumps({"json_schema": SCHEMA})}),
        "translated": ("translate", {"file": str(desk / "tea.md"), "target_lang": "en", "output": "tea-en.md"}),
        "proofread": ("proofread", {"source": str(desk / "patent.pdf"), "output": "patent.html"}),
        "compared": ("compare", {"prompt": "1+1?", "models": ["qwen3.7-plus", "qwen-flash"]}),
        "written down": ("transcribe", {"source": str(desk / "talk.wav")}),
        "found": ("search_documents", {"query": "西湖在哪里？", "files": [str(desk / "*.txt"), str(desk / "*.md")]}),
        "vectors": ("embed", {"texts": ["西湖"], "output": "lake.npy"}),
        "read": ("chat", {"prompt": "金额是多少？", "files": [str(desk / "contract.docx")]}),
        "stored": ("chat", {"prompt": "谁是申请人？", "files": [str(desk / "patent.pdf")], "model": "qwen-long"}),
        "patient": ("chat", {"prompt": "西湖", "patience": "half_price"}),
    }  # fmt: skip
    with anyio.fail_after(90):
        async with Client(process("--sandbox", **environment), mode=era) as host:
            told = {name: await host.call_tool(tool, arguments) for name, (tool, arguments) in calls.items()}
            spent = await host.call_tool("usage", {"by": "tool"})

    assert {name: text_of(result) for name, result in told.items() if result.is_error} == {}
    assert all("SANDBOX" in text_of(result).partition("\n")[0] for result in told.values())
    assert {json.loads(line)["id"] for line in (out / "half.jsonl").read_text("utf-8").splitlines()} == {"a", "2"}
    with (out / "now.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["西湖"]
    assert (out / "tea-en.md").read_text("utf-8").startswith("# ")
    assert (out / "lake.npy").read_bytes().startswith(b"\x93NUMPY")
    assert "西湖在杭州" in text_of(told["found"])
    assert all(tool in text_of(spent) for tool, _ in calls.values())
    assert not [path for path in out.iterdir() if path.name.startswith(".")]
