"""Vectors that are kept: for this user alone, within a bound, and never a reason for a call to fail."""

import os
from array import array
from pathlib import Path

import pytest
from bailian_mcp.server.spending import VectorCache

pytestmark = pytest.mark.anyio
ONE, TWO = array("f", [1.0, 0.5, -0.25]), array("f", [0.0, 2.0, 4.0])


def files(folder: Path) -> list[Path]:
    return sorted((folder / "vectors").iterdir())


async def test_what_is_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    await VectorCache(tmp_path / "state").add("a", {0: ONE})
    await VectorCache(tmp_path / "state").add("a", {7: TWO})

    assert await VectorCache(tmp_path / "state").rows("a") == {0: ONE, 7: TWO}
    assert await VectorCache(tmp_path / "state").rows("b") == {}


async def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    await VectorCache(tmp_path / "state").add("a", {0: ONE})

    (file,) = files(tmp_path / "state")
    assert [path.stat().st_mode & 0o777 for path in (file, file.parent)] == [0o600, 0o700]


@pytest.mark.parametrize("cut", [1, 4, 15])
async def test_half_a_row_of_a_process_that_died_is_passed_over(tmp_path: Path, cut: int) -> None:
    await VectorCache(tmp_path).add("a", {0: ONE, 1: TWO})
    (file,) = files(tmp_path)
    os.truncate(file, file.stat().st_size - cut)

    assert await VectorCache(tmp_path).rows("a") == {0: ONE}
    await VectorCache(tmp_path).add("a", {1: TWO})  # which begins the file anew
    assert await VectorCache(tmp_path).rows("a") == {1: TWO}


@pytest.mark.parametrize("content", [b"", b"BMV1", b"no vectors at all, but long enough", b"BMV1\0\0\0\0rest"])
async def test_a_file_of_something_else_is_no_vector(tmp_path: Path, content: bytes) -> None:
    await VectorCache(tmp_path).add("a", {0: ONE})
    files(tmp_path)[0].write_bytes(content)

    assert await VectorCache(tmp_path).rows("a") == {}
    await VectorCache(tmp_path).add("a", {0: TWO})
    assert await VectorCache(tmp_path).rows("a") == {0: TWO}


async def test_vectors_of_another_length_begin_the_file_anew(tmp_path: Path) -> None:
    await VectorCache(tmp_path).add("a", {0: ONE, 1: TWO})
    await VectorCache(tmp_path).add("a", {0: array("f", [1.0])})

    assert await VectorCache(tmp_path).rows("a") == {0: array("f", [1.0])}


@pytest.mark.parametrize("on_disk", [True, False])
async def test_what_was_used_least_lately_goes_first(tmp_path: Path, on_disk: bool) -> None:
    cache = VectorCache(tmp_path if on_disk else None, max_bytes=60 if on_disk else 30)
    for at, key in enumerate("abc"):
        await cache.add(key, {0: ONE})
        if on_disk:
            os.utime(tmp_path / "vectors" / f"{key}.f32", (at, at))
    assert await cache.rows("a") == {0: ONE}
    await cache.trim()

    assert [bool(await cache.rows(key)) for key in "abc"] == [True, False, True]


async def test_nothing_is_made_before_something_is_kept(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "state")

    assert await cache.rows("a") == {}
    await cache.trim()
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("fault", ["a file", "open to others", "a link"])
async def test_where_the_folder_is_no_safe_place_memory_is(
    tmp_path: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    at = tmp_path / "vectors"
    if fault == "a file":
        at.write_text("x")
    else:
        at.mkdir()
    if fault == "open to others":
        at.chmod(0o777)
    if fault == "a link":
        (tmp_path / "elsewhere").write_bytes(b"precious")
        (at / "a.f32").symlink_to(tmp_path / "elsewhere")
    cache = VectorCache(tmp_path)
    await cache.add("a", {0: ONE})

    assert await cache.rows("a") == {0: ONE}
    assert "vectors are kept in memory only" in caplog.text
    assert fault != "a link" or (tmp_path / "elsewhere").read_bytes() == b"precious"
