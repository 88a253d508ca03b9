"""`completion/complete`: model ids, languages and regions, while somebody types."""

from collections.abc import Collection, Sequence
from typing import Any

from mcp.server import MCPServer
from mcp.types import Completion, CompletionArgument, PromptReference, ResourceTemplateReference

from ...calls.context import AppContext
from ...catalog import names_like

MAX_COMPLETIONS = 100  # that the protocol allows
Completed = PromptReference | ResourceTemplateReference


def add_completions(server: MCPServer[AppContext], context: AppContext, tools: Collection[str]) -> None:
    """For each prompt's `model`, for languages, and for the variables of the resources; nothing for what is free."""

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # the SDK gives it no types
    async def complete(ref: Completed, argument: CompletionArgument, _: Any) -> Completion:
        typed = argument.value.strip().casefold()
        found = _completed(context, tools, ref, argument.name, typed)
        return Completion(values=list(found[:MAX_COMPLETIONS]), total=len(found), has_more=len(found) > MAX_COMPLETIONS)


def _completed(context: AppContext, tools: Collection[str], ref: Completed, argument: str, typed: str) -> Sequence[str]:
    where, day = context.host.region, context.today()
    match ref, argument:
        case ResourceTemplateReference(uri="bailian://models/{+id}"), "id":
            return names_like(context.catalog(), typed, region=where, on=day, retired=True)
        case ResourceTemplateReference(uri="bailian://prices{?region}"), "region":
            return _regions(context, typed)
        case PromptReference(name=name), "model" if context.host.kind != "other":
            from .scenarios import needs  # what no start needs

            need = needs(tools).get(name)
            return names_like(context.catalog(), typed, region=where, on=day, fits=need.met_by) if need else ()
        case PromptReference(name="patent_abstract"), "target_lang":
            from ....tools.documents._languages import languages_like

            return languages_like(typed)
    return ()


def _regions(context: AppContext, typed: str) -> list[str]:
    """Those of which the catalog knows prices."""
    priced = {price.region for model in context.catalog().models if model.in_service for price in model.prices}
    return [region for region in sorted(priced) if typed in region]
