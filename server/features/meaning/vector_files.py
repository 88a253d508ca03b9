"""Vectors as files: NumPy's own form, or a line of JSON for each.

The form of .npy: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import json
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...dashscope import DashScopeError
from ...errors import InvalidRequest
from ...files import OutputFolder

NPY, JSON_LINES = ".npy", ".jsonl"
MAGIC, ALIGNED_BYTES = b"\x93NUMPY\x01\x00", 64


@dataclass(frozen=True)
class VectorFile:
    """A new one. `indexed`: whether it is told in a file beside NumPy's form what each row is of."""

    name: str
    indexed: bool

    @property
    def is_npy(self) -> bool:
        return self.name.lower().endswith(NPY)

    @property
    def index(self) -> str:
        """The name of a file of places: NumPy's form has no room for them."""
        return f"{self.name[: -len(NPY)]}.index{JSON_LINES}" if self.is_npy and self.indexed else ""

    def check(self, folder: OutputFolder) -> None:
        """Raises InvalidRequest: it cannot be written."""
        folder.check(self.name, (NPY, JSON_LINES))
        if self.index:
            folder.check(self.index, (JSON_LINES,))

    def write(
        self, folder: OutputFolder, places: Sequence[Mapping[str, Any]], vectors: "Sequence[array[float]]"
    ) -> tuple[Path, str]:
        """Where it stands, and the index. Raises DashScopeError: the disk says no; by now all was paid."""
        try:
            return self._written(folder, places, vectors)
        except InvalidRequest as refusal:
            kept = "All vectors are kept: the same call again pays for none."
            raise DashScopeError(refusal.reason, hint=kept) from None

    def _written(
        self, folder: OutputFolder, places: Sequence[Mapping[str, Any]], vectors: "Sequence[array[float]]"
    ) -> tuple[Path, str]:
        with folder.new_file(self.name, (NPY, JSON_LINES)) as file:
            for piece in _npy(vectors) if self.is_npy else _lines(places, vectors):
                file.write(piece)
        if not self.index:
            return file.path, ""
        with folder.new_file(self.index, (JSON_LINES,)) as index:
            index.write(b"".join(f"{json.dumps(place, ensure_ascii=False)}\n".encode() for place in places))
        return file.path, str(index.path)


def _npy(vectors: "Sequence[array[float]]") -> Iterator[bytes]:
    shape = f"({len(vectors)}, {len(vectors[0])})"
    described = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    blanks = -(len(MAGIC) + 2 + len(described) + 1) % ALIGNED_BYTES
    head = described + " " * blanks + "\n"
    yield MAGIC + len(head).to_bytes(2, "little") + head.encode()
    for vector in vectors:
        yield _little_endian(vector)


def _little_endian(vector: "array[float]") -> bytes:
    if sys.byteorder == "big":
        vector = array("f", vector)
        vector.byteswap()
    return vector.tobytes()


def _lines(places: Sequence[Mapping[str, Any]], vectors: "Sequence[array[float]]") -> Iterator[bytes]:
    """Nine digits are all that a 32-bit float has."""
    for place, vector in zip(places, vectors, strict=True):
        numbers = ", ".join(f"{value:.9g}" for value in vector)
        yield f'{json.dumps(place, ensure_ascii=False)[:-1]}, "vector": [{numbers}]}}\n'.encode()
