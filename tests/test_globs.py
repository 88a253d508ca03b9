"""Patterns of files: inside the allowed folders only, in order, and never without end."""

from pathlib import Path

import pytest
from bailian_mcp.server.errors import InvalidRequest
from bailian_mcp.server.files import matching

pytestmark = pytest.mark.anyio


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.md", "b.MD", "docs/c.md", "docs/deep/d.md", "docs/deep/d.txt", ".hidden/e.md", ".f.md", "x[1].md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


async def names(folder: Path, pattern: str) -> list[str]:
    found = await matching(str(folder / pattern), (folder,))
    return [str(Path(path).relative_to(folder)) for path in found]


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("*.md", ["a.md", "x[1].md"]), ("?.md", ["a.md"]), ("**/*.md", ["a.md", "docs/c.md", "docs/deep/d.md", "x[1].md"]),
        ("docs/**/d.*", ["docs/deep/d.md", "docs/deep/d.txt"]), ("docs/**", ["docs/c.md", "docs/deep/d.md", "docs/deep/d.txt"]),
        ("*/*.md", ["docs/c.md"]), ("docs/*/*.txt", ["docs/deep/d.txt"]), ("[ab].*", ["a.md", "b.MD"]),
        ("**/**/**/c.md", ["docs/c.md"]), (".*/*.md", [".hidden/e.md"]), (".*", [".f.md"]),
        ("x[1].md", ["x[1].md"]), ("a.md", ["a.md"]),
    ],
)  # fmt: skip
async def test_a_pattern_fits_as_in_a_shell(folder: Path, pattern: str, fits: list[str]) -> None:
    assert await names(folder, pattern) == fits


@pytest.mark.parametrize("source", ["https://example.com/*.md", "data:text/plain;base64,KioqKg=="])
async def test_what_is_no_path_is_no_pattern(folder: Path, source: str) -> None:
    assert await matching(source, (folder,)) == [source]


async def test_a_link_to_a_folder_elsewhere_is_not_followed(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "secret.md").write_text("x")
    (folder / "link").symlink_to(elsewhere)

    assert "link/secret.md" not in await names(folder, "**/*.md")
    with pytest.raises(InvalidRequest, match="begins outside the allowed folders"):
        await matching(str(folder / "link" / "*.md"), (folder,))


async def test_more_files_than_anybody_means_are_refused(folder: Path) -> None:
    for number in range(1_001):
        (folder / f"{number}.csv").touch()

    with pytest.raises(InvalidRequest, match=r"\*\.csv fits more than 1,000 files\. Narrow it\."):
        await matching(str(folder / "*.csv"), (folder,))


async def test_many_stars_take_no_time(folder: Path) -> None:
    (deep := folder.joinpath(*"abcdefghijklmnopqrst")).mkdir(parents=True)
    (deep / "z.md").touch()

    with pytest.raises(InvalidRequest, match="fits no file"):
        await matching(str(folder) + "/**/a" * 12 + "/**/nothing", (folder,))
