"""What is not in the other language, with its place and the reason."""

from pydantic import Field

from ...catalog import Frozen

PLACE_RANGE = " – "  # between the places of several that lie together


class Untranslated(Frozen):
    """What is not in the other language."""

    place: str
    why: str
    came: str = Field("", description="What came of it, which stands nowhere else", exclude_if=lambda v: not v)


def tell(told: list[Untranslated], place: str, why: str, came: str = "") -> None:
    """What follows for the same reason is one with what is told last."""
    last = told[-1] if told else None
    if last and last.why == why and not last.came and not came:
        told.pop()
        begins = last.place.partition(PLACE_RANGE)[0]
        place = place if place == begins else f"{begins}{PLACE_RANGE}{place}"
    told.append(Untranslated(place=place, why=why, came=came))
