"""Which model does a kind of the workbench's work: the one asked for, the settings', or what the catalog advises."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...calls.context import AppContext
from ...catalog import Capability, Model, can, in_force, is_special
from ...errors import InvalidRequest
from ...text import printable

WRITES = ("chat", "vision", "omni")  # types of models that answer with words of their own


@dataclass(frozen=True)
class ModelNeed:
    """What a kind of work asks of its model.

    `advice`: its name in the catalog. `tool`: whose setting counts, where that is for this kind of work alone; `chat`
    is set for any. `reads`: of files, beside text.
    """

    advice: str
    capability: Capability
    tool: str = ""
    reads: str = ""

    def met_by(self, model: Model) -> bool:
        writes = self.capability == "translation" or model.type in WRITES
        reads = not self.reads or self.reads in model.input
        return writes and reads and can(model, self.capability) and not is_special(model)


def chosen_model(context: AppContext, need: ModelNeed, asked: str) -> str:
    """The id to name in a prompt; empty: the server's default, since the catalog knows nothing of another server's.

    Raises:
        InvalidRequest: the one asked for cannot do this.
    """
    if context.host.kind == "other":
        return asked
    name = context.catalog().canonical_name(asked)
    if not name:
        return next(_offered(context, need))
    known = context.known(name)
    if known and not need.met_by(known):
        lacks = f"reading {need.reads}" if can(known, need.capability) and need.reads else need.capability
        raise InvalidRequest(
            f"{printable(name)} does not fit this work, which needs {lacks}. Use {next(_offered(context, need))}, or "
            "leave `model` out."
        )
    return name


def _offered(context: AppContext, need: ModelNeed) -> Iterator[str]:
    """What fits, the best first: priced in the server's region before what is not, the settings' before the advised."""
    able = [model for model in _candidates(context, need) if model.in_service and need.met_by(model)]
    yield from (model.id for model in able if _is_priced(context, model, batch=need.capability == "batch"))
    yield from (model.id for model in able)
    yield context.catalog().defaults["chat"]


def _candidates(context: AppContext, need: ModelNeed) -> Iterator[Model]:
    catalog = context.catalog()
    advised = (name for each in catalog.advice if each.english == need.advice for name in each.today)
    names = (context.models.get(need.tool, ""), *advised)
    yield from (model for name in names if (model := catalog.find(name)))
    yield from catalog.models  # an overlay may have taken the advised ones out of service


def _is_priced(context: AppContext, model: Model, *, batch: bool) -> bool:
    prices = in_force(model, context.host.region, None, context.today())
    return bool(prices) and (not batch or prices[0].batch is not None)
