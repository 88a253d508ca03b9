"""Which models translate: those of the Qwen-MT family that take text."""

from ...calls.call import Call
from ...errors import InvalidRequest

FAMILY = "qwen-mt-"
OF_DOCUMENTS = "qwen-mt-uni"  # another interface, whose replies no page shows


def translation_model(call: Call, asked: str) -> str:
    """The id to send.

    Raises:
        InvalidRequest: it is no translation model, or the default is not offered in the server's region.
    """
    name = call.model_for("translate", asked)
    default = call.catalog.defaults["translate"]
    if not name.startswith(FAMILY) or name == OF_DOCUMENTS:
        raise InvalidRequest(
            f"{name} does not translate this way. Use {default}, or `chat`, where any model translates."
        )
    known = call.known(name)
    chosen = asked or call.has_configured_model("translate")
    if not chosen and known and known.regions and call.region not in known.regions:
        raise InvalidRequest(
            f"{name} is offered in {', '.join(known.regions)}, not in {call.region}. Use `chat` to translate."
        )
    return name
