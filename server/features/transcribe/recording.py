"""A recording becomes a text: where DashScope finds it, what it will cost, how it is asked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from math import ceil
from typing import Any

from ...calls.ask import Exchange, RequestFailed, RequestPlan
from ...calls.call import Call
from ...calls.result import money
from ...calls.thinking import standard
from ...catalog.pricing import Workload
from ...errors import InvalidRequest
from ...files import MAX_INLINE_BYTES, InputFile, Link, MediaFile
from ..attachments import inline_address, open_source, target_of
from .recognisers import Recogniser, Wanted, fitting, recogniser, required
from .waiting import TaskOfFile

TOOL = "transcribe"
MAX_CONTEXT_CHARS_ASKED = 10_000
NO_UPLOADS = (
    "{} needs the recording at an address, and files of this machine may not be stored at DashScope "
    "(BAILIAN_UPLOADS). Give an https URL, or a shorter recording without speakers and times."
)
SILENT_HINT = "A recording in which nothing is said is refused so, too."


@dataclass(frozen=True)
class Recording:
    """What a caller wants of a recording. `speakers`: None: not told apart; 0: however many there are."""

    model: str
    language: str
    speakers: int | None
    context: str
    times: bool


@asynccontextmanager
async def opened_recording(call: Call, source: str) -> AsyncIterator[Link | MediaFile]:
    """Raises InvalidRequest: it holds neither sound nor film."""
    async with open_source(call, source) as found:
        if isinstance(found, Link) and found.is_document:
            raise InvalidRequest(f"{found.name} is no recording. Give a file or a URL of sound or film.")
        if not isinstance(found, Link | MediaFile):
            raise InvalidRequest(f"{_name(found)} holds no sound or film that is known. Save it as WAV, MP3 or MP4.")
        yield found


async def written_down(call: Call, found: Link | MediaFile, asked: Recording) -> Exchange:
    """Raises InvalidRequest, RequestFailed."""
    seconds = found.seconds if isinstance(found, MediaFile) else None
    chosen = chosen_for(call, asked, found)
    await _tell_price(call, chosen, found, seconds)
    address = await _address(call, chosen, found)
    plan = RequestPlan(
        chosen.name,
        chosen.protocol,
        _messages(asked, address),
        replace(standard(None), used=""),
        _parameters(asked, found),
        audio_seconds=None if seconds is None else ceil(seconds),
    )
    if chosen.way == "task":
        return await call.run(plan, TaskOfFile(call))
    try:
        return await call.ask(plan)
    except RequestFailed as failure:
        if chosen.way == "sentences" and failure.status == 400 and not failure.code:
            raise RequestFailed(failure.reworded(hint=SILENT_HINT), failure.exchange) from None
        raise


def chosen_for(call: Call, asked: Recording, found: Link | MediaFile) -> Recogniser:
    """The model that was asked for, or one that can.

    Raises:
        InvalidRequest: it cannot.
    """
    name, region = call.model_for(TOOL, asked.model), call.region
    sized = (found.seconds, found.size_bytes) if isinstance(found, MediaFile) else (None, None)
    wanted = Wanted(asked.times, asked.speakers is not None, bool(asked.context), *sized)
    if asked.model.strip() or call.has_configured_model(TOOL):
        return required(call.catalog, recogniser(call.catalog, name, region), wanted, region)
    return fitting(call.catalog, name, wanted, region)


async def _tell_price(call: Call, chosen: Recogniser, found: Link | MediaFile, seconds: float | None) -> None:
    if seconds is None:
        await call.report_now(f"{found.name}: of unknown length; {chosen.name} tells its seconds and their price after")
        return
    cost = call.price(chosen.name, Workload(audio_seconds=Decimal(ceil(seconds)), measured=True))
    price = "whose price is known after it" if cost.total is None else money(cost)
    await call.report_now(f"{found.name}: {ceil(seconds):,} s by {chosen.name}, {price}")


async def _address(call: Call, chosen: Recogniser, found: Link | MediaFile) -> str:
    """Tasks fetch what they read; the others take a small recording with the request."""
    if isinstance(found, Link):
        return found.url
    if chosen.way != "task" and found.size_bytes <= MAX_INLINE_BYTES:
        return await inline_address(found, found.mime)
    call.require_settings("BAILIAN_UPLOADS")
    if not call.context.uploads:
        raise InvalidRequest(NO_UPLOADS.format(chosen.name))
    return await target_of(call, chosen.name).upload(found.name, f"{found.kind}.{found.format}", found.file)


def _messages(asked: Recording, address: str) -> list[dict[str, Any]]:
    told = [{"role": "system", "content": asked.context}] if asked.context else []
    part = {"type": "input_audio", "input_audio": {"data": address}}
    return [*told, {"role": "user", "content": [part]}]


def _parameters(asked: Recording, found: Link | MediaFile) -> dict[str, Any]:
    form = found.format if isinstance(found, MediaFile) else found.ending if found.media else "wav"
    parameters: dict[str, Any] = {"format": form}
    parameters |= {"language": asked.language} if asked.language else {}
    return parameters | ({} if asked.speakers is None else {"speakers": asked.speakers})


def _name(found: InputFile) -> str:
    return found.name
