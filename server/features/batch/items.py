"""What a batch works on: texts, the lines of a JSONL file, or the files that a pattern names. One at a time."""

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp.types import CallToolResult

from ...calls.call import Call
from ...errors import InvalidRequest
from ...files import files_matching, open_within
from ...json_text import MAX_DEPTH, depth_of
from ...text import printable

MAX_ITEMS = 1_000_000
MAX_ID_CHARS = 200
LINE_SUFFIXES = (".jsonl", ".ndjson")
MAX_INPUT_LINE_BYTES = 6_000_000


@dataclass(frozen=True)
class BatchTool:
    """A tool as a batch uses it. `text`, `file`: the parameter that an input is, where it is a text or a path.

    `check`: the arguments as the tool takes them; raises InvalidRequest. `many`: whether `file` is a list of paths.
    """

    name: str
    text: str
    file: str
    many: bool
    check: Callable[[Mapping[str, Any]], dict[str, Any]]
    run: Callable[[Call, Mapping[str, Any]], Awaitable[CallToolResult]]


@dataclass(frozen=True)
class BatchInputs:
    """`texts`, or a `source`: a .jsonl file, or a pattern of paths. `shared`: arguments of all."""

    texts: tuple[str, ...]
    source: str
    shared: Mapping[str, Any]


@dataclass(frozen=True)
class BatchItem:
    """`arguments`: the tool's own."""

    id: str
    arguments: dict[str, Any]


def batch_items(given: BatchInputs, tool: BatchTool, folders: tuple[Path, ...]) -> Iterator[BatchItem]:
    """Each with an id of its own.

    Raises:
        InvalidRequest: nothing to work on, or one of them is wrong; the text says which.
    """
    ids: set[str] = set()
    for number, (id, arguments) in enumerate(_found(given, tool, folders), 1):
        name = id or str(number)
        if name in ids:
            raise InvalidRequest(f"The id {printable(name)} comes twice among the inputs. Give each its own.")
        if number > MAX_ITEMS:
            raise InvalidRequest(f"There are more than {MAX_ITEMS:,} inputs. Split them.")
        ids.add(name)
        try:
            yield BatchItem(name, tool.check({**given.shared, **arguments}))
        except InvalidRequest as wrong:
            raise InvalidRequest(f"Input {printable(name)}: {wrong.reason}{_where(given, wrong.reason)}") from None
    if not ids:
        raise InvalidRequest("There is nothing to do: give inputs, a .jsonl file, or a pattern that matches files.")


def _where(given: BatchInputs, wrong: str) -> str:
    """Where to give what lacks."""
    if not wrong.endswith("is required."):
        return ""
    alone = given.source and not given.source.lower().endswith(LINE_SUFFIXES) and not _is_pattern(given.source)
    one = " A file that is no .jsonl is one input." if alone else ""
    return f" What all inputs share goes into arguments.{one}"


FoundInput = tuple[str, dict[str, Any]]


def _found(given: BatchInputs, tool: BatchTool, folders: tuple[Path, ...]) -> Iterable[FoundInput]:
    if given.texts and given.source:
        raise InvalidRequest("Give either inputs or source, not both.")
    if given.texts:
        return (("", {tool.text: text}) for text in given.texts)
    if given.source.lower().endswith(LINE_SUFFIXES) and not _is_pattern(given.source):
        return _lines(given.source, tool, folders)
    return _files(given.source, tool, folders) if given.source.strip() else ()


def _is_pattern(source: str) -> bool:
    return any(sign in source for sign in "*?[")


def _files(pattern: str, tool: BatchTool, folders: tuple[Path, ...]) -> Iterator[FoundInput]:
    for path in files_matching(pattern, folders):
        yield path, {tool.file: [path] if tool.many else path}


def _lines(path: str, tool: BatchTool, folders: tuple[Path, ...]) -> Iterator[FoundInput]:
    """A line is an object of arguments, with an `id` if it likes, or a text."""
    with open_within(path, folders) as file:
        number = 0
        while line := file.readline(MAX_INPUT_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_INPUT_LINE_BYTES:
                raise InvalidRequest(f"Line {number} is longer than {MAX_INPUT_LINE_BYTES:,} bytes. Shorten it.")
            if line.strip():
                yield _of_line(line, number, tool)


def _json_of(line: bytes, number: int) -> Any:
    each = "Write one object or one text on each line."
    try:
        value = json.loads(line.decode("utf-8-sig").rstrip())
        json.dumps(value, allow_nan=False)  # NaN is no JSON, nor is what is beyond all numbers
        if depth_of(value) > MAX_DEPTH:
            raise RecursionError
        return value
    except UnicodeDecodeError:  # as spreadsheets and editors save it in China
        raise InvalidRequest(f"Line {number} is not in UTF-8. Save the file in UTF-8 and call again.") from None
    except json.JSONDecodeError as error:
        raise InvalidRequest(f"Line {number} is no JSON, from its character {error.pos + 1} on. {each}") from None
    except (ValueError, RecursionError):
        raise InvalidRequest(f"Line {number} is no JSON that can be read. {each}") from None


def _of_line(line: bytes, number: int, tool: BatchTool) -> FoundInput:
    value = _json_of(line, number)
    if isinstance(value, str):
        return "", {tool.text: value}
    if not isinstance(value, dict):
        raise InvalidRequest(f"Line {number} is neither an object nor a text. Write one of these on each line.")
    id = value.pop("id", "")
    if not isinstance(id, str | int) or isinstance(id, bool):
        raise InvalidRequest(f"Line {number}: id must be a text or a number.")
    name = str(id).strip()
    if len(name) > MAX_ID_CHARS or not name.isprintable():
        raise InvalidRequest(f"Line {number}: id must have at most {MAX_ID_CHARS} printable characters.")
    return name, value
