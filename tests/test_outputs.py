"""Files that are written: new, whole, in the one folder that was granted."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from bailian_mcp.server.errors import InvalidRequest
from bailian_mcp.server.files import OutputFolder

TEXTS = (".md", ".txt")


@pytest.fixture
def folder(tmp_path: Path) -> OutputFolder:
    return OutputFolder(tmp_path / "deep" / "out")


def names(folder: OutputFolder) -> list[str]:
    return sorted(os.listdir(folder.path))


def write(folder: OutputFolder, name: str, content: bytes = b"whole") -> Path:
    with folder.new_file(name, TEXTS) as file:
        file.write(content)
    return file.path


def refused(write_it: Callable[[], object]) -> str:
    with pytest.raises(InvalidRequest) as refusal:
        write_it()
    return str(refusal.value)


def test_a_file_appears_whole_when_it_is_done(folder: OutputFolder) -> None:
    with folder.new_file("西湖.md", TEXTS) as file:
        file.write(b"a" * 100_000)
        file.write(b"b")
        before = [name for name in names(folder) if not name.startswith(".")]

    assert before == []
    assert names(folder) == ["西湖.md"]
    assert file.path == folder.path / "西湖.md"
    assert (file.path.stat().st_size, file.size_bytes) == (100_001, 100_001)


def test_the_folder_is_made_at_first_use_for_this_user_alone(folder: OutputFolder) -> None:
    assert not folder.path.exists()
    write(folder, "a.md")

    assert folder.path.stat().st_mode & 0o077 == 0


def test_what_fails_on_the_way_leaves_nothing(folder: OutputFolder) -> None:
    with pytest.raises(ZeroDivisionError), folder.new_file("a.md", TEXTS) as file:
        file.write(b"half")
        file.write(bytes(1 // 0))

    assert names(folder) == []


@pytest.mark.parametrize("there", ["file", "folder", "link to nowhere"])
def test_what_is_there_is_never_overwritten(folder: OutputFolder, tmp_path: Path, there: str) -> None:
    folder.path.mkdir(parents=True)
    at = folder.path / "a.md"
    if there == "file":
        at.write_text("precious")
    elif there == "folder":
        at.mkdir()
    else:
        at.symlink_to(tmp_path / "elsewhere.md")

    for attempt in (
        lambda: write(folder, "a.md"),
        lambda: folder.check("a.md", TEXTS),
        lambda: folder.growing_file("a.md", TEXTS).__enter__(),
    ):
        assert refused(attempt) == (
            "a.md is in the output folder already, and no file is overwritten. Give another name. Nothing was sent."
        )
    assert names(folder) == ["a.md"]
    assert there != "file" or at.read_text() == "precious"
    assert not (tmp_path / "elsewhere.md").exists()


def test_a_name_that_was_taken_meanwhile_stays_with_who_took_it(folder: OutputFolder) -> None:
    with folder.new_file("a.b.md", TEXTS) as file:
        file.write(b"mine")
        write(folder, "a.b.md", b"theirs")

    assert file.path.name == "a.b-2.md"
    assert [(folder.path / name).read_bytes() for name in names(folder)] == [b"mine", b"theirs"]


def test_where_every_like_name_was_taken_it_is_refused(folder: OutputFolder) -> None:
    def all_taken() -> None:
        with folder.new_file("a.md", TEXTS) as file:
            file.write(b"mine")
            for name in ("a.md", *(f"a-{number}.md" for number in range(2, 100))):
                write(folder, name)

    assert "a.md is in the output folder already" in refused(all_taken)
    assert len(names(folder)) == 99


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../a.md", "holds characters that no file name should have"), ("/etc/a.md", "holds characters"),
        ("a/b.md", "holds characters"), ("a\\b.md", "holds characters"), ("C:a.md", "holds characters"),
        ("a\0.md", "a?.md is no name for a file: it holds characters"), ("a\n.md", "holds characters"),
        ("a\u202e.md", "holds characters"), ("", "the empty text is no name for a file: it is empty"), ("  ", "is empty"),
        (".hidden.md", "begins with a dot or a space"), ("..", "begins with a dot"), (" a.md", "or a space"),
        ("a.md ", "ends with one"), ("a.md.", "ends with one"), ("湖" * 60 + ".md", "is longer than 180 bytes"),
        ("NUL.md", "is a device on Windows"), ("com1.tar.md", "is a device on Windows"),
        ("a.exe", "a.exe does not end in .md or .txt. Give it such a name."), ("md", "does not end in"),
    ],
)  # fmt: skip
def test_what_is_no_name_for_such_a_file_is_refused(folder: OutputFolder, name: str, says: str) -> None:
    assert says in refused(lambda: folder.check(name, TEXTS))
    assert not folder.path.exists()


def test_suffixes_are_taken_in_any_case(folder: OutputFolder) -> None:
    assert write(folder, "A.MD").name == "A.MD"


def test_a_folder_put_in_its_place_meanwhile_gets_nothing(folder: OutputFolder, tmp_path: Path) -> None:
    (elsewhere := tmp_path / "elsewhere").mkdir()
    with folder.new_file("a.md", TEXTS) as file:
        file.write(b"whole")
        folder.path.rename(tmp_path / "moved")
        folder.path.symlink_to(elsewhere)

    assert os.listdir(elsewhere) == []
    assert os.listdir(tmp_path / "moved") == ["a.md"]


def test_a_place_that_is_no_folder_says_which_setting_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    said = refused(lambda: OutputFolder(tmp_path / "file").check("a.md", TEXTS))

    assert said.startswith("a.md cannot be written into the output folder: ")
    assert "Check BAILIAN_OUTPUT_DIR in this server's environment" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is full")
def test_a_full_disk_is_said(folder: OutputFolder) -> None:
    def full() -> None:
        with folder.new_file("a.md", TEXTS) as file:
            os.dup2(os.open("/dev/full", os.O_WRONLY), file._fd)
            file.write(b"x")

    assert "a.md cannot be written into the output folder: No space left on device." in refused(full)
    assert names(folder) == []


# --- growing ---


def test_a_growing_file_is_there_from_its_first_line_on(folder: OutputFolder) -> None:
    with pytest.raises(ZeroDivisionError), folder.growing_file("a.md", TEXTS) as file:
        file.write(b"one\n")
        assert file.path.read_bytes() == b"one\n"
        file.write(b"two\n")
        file.write(bytes(1 // 0))

    assert (folder.path / "a.md").read_bytes() == b"one\ntwo\n"


def test_a_growing_file_in_which_nothing_came_is_none(folder: OutputFolder) -> None:
    with folder.growing_file("a.md", TEXTS):
        pass

    assert names(folder) == []


# --- systems that lack something ---


def test_without_hard_links_it_is_whole_all_the_same(folder: OutputFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise OSError("Operation not permitted")

    monkeypatch.setattr(os, "link", none)

    assert write(folder, "a.md").read_bytes() == b"whole"
    with folder.new_file("b.md", TEXTS) as file:
        file.write(b"mine")
        write(folder, "b.md", b"theirs")
    assert names(folder) == ["a.md", "b-2.md", "b.md"]
