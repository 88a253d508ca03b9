"""A page whose truth is known, and readings of it in which one number is wrong."""

from dataclasses import dataclass, field

from ..truth.changes import Change


@dataclass(frozen=True)
class Case:
    """`truth`: what is drawn on the page; `layer`: its text in a PDF; `perfect`: what a careful reader passes.

    `traits`: what it is counted under, as its photograph and its language.
    """

    name: str
    picture: bytes
    truth: str
    layer: str
    perfect: str
    changed: tuple[Change, ...]
    traits: dict[str, str] = field(default_factory=dict)
