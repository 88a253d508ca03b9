"""The catalog as MCP resources: what a host can attach to a conversation without a tool call."""

from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError

from ..calls.context import AppContext
from ..calls.language import said
from ..catalog import Model, capabilities_of, in_force
from ..catalog.pricing import price_sheet
from ..errors import InvalidRequest
from ..text import printable

JSON_MIME = "application/json"


def add_resources(server: MCPServer[AppContext], context: AppContext) -> None:
    """`bailian://models`, `bailian://models/{id}` and `bailian://prices{?region}`."""
    catalog = context.catalog

    @server.resource(
        "bailian://models",
        name="model_list",
        title="百炼模型目录",
        description="The models in service: what they read, can do and hold.",
        mime_type=JSON_MIME,
    )
    def models() -> list[dict[str, Any]]:
        return [_short(model) for model in catalog().models if model.in_service]

    @server.resource(
        "bailian://models/{+id}",
        name="model_facts",
        title="百炼模型详情",
        description="One model by id or alias, retired ones too: everything the catalog holds, with its sources.",
        mime_type=JSON_MIME,
    )
    def model(id: str) -> dict[str, Any]:
        known = catalog().find(catalog().canonical_name(id))
        if known is None:
            near = ", ".join(catalog().similar_names(id)) or "none; bailian://models lists them all"
            raise ResourceError(said(f"There is no model {printable(id)}. Near names: {near}."))
        cited = {key: source for key, source in catalog().sources.items() if f'"{key}"' in known.model_dump_json()}
        sources = {key: source.model_dump(exclude_none=True) for key, source in cited.items()}
        return {**known.model_dump(mode="json", exclude_defaults=True), "sources": sources}

    @server.resource(
        "bailian://prices{?region}",
        name="price_sheets",
        title="百炼价目表",
        description="The price sheets of the models in service in a region, CNY per million tokens.",
        mime_type=JSON_MIME,
    )
    def prices(region: str = "") -> list[dict[str, Any]]:
        try:
            region = region or context.region
        except InvalidRequest as unknown:
            raise ResourceError(said(unknown.reason)) from None
        here = [m for m in catalog().models if m.in_service and in_force(m, region, None, context.today())]
        if not here:
            regions = sorted({price.region for m in catalog().models for price in m.prices})
            raise ResourceError(said(f"No prices are known for {printable(region)}. Regions: {', '.join(regions)}."))
        sheets = [price_sheet(catalog(), m, m.id, region, context.today()) for m in here]
        return [sheet.model_dump(mode="json", exclude_defaults=True) for sheet in sheets]


def _short(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "type": model.type,
        "series": model.series,
        "context": model.limits.context,
        "capabilities": capabilities_of(model),
    }
