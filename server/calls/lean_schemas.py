"""JSON schemas with less in them: no titles, nothing defined apart where it need not be."""

import json
import re
from collections import Counter
from typing import Any


def untitled(schema: Any) -> Any:
    """A JSON schema without its titles, which repeat the names and cost every host tokens."""
    if isinstance(schema, list):
        return [untitled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {k: untitled(v) for k, v in schema.items() if not (k == "title" and isinstance(v, str))}


def inlined(schema: dict[str, Any]) -> Any:
    """What is defined apart and used once, in its place."""
    defined = schema.get("$defs", {})
    uses = Counter(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema)))

    def placed(part: Any) -> Any:
        if isinstance(part, list):
            return [placed(each) for each in part]
        if not isinstance(part, dict):
            return part
        name = str(part.get("$ref", "")).rpartition("/")[2]
        if uses[name] == 1:
            return placed({**defined[name], **{key: value for key, value in part.items() if key != "$ref"}})
        return {key: placed(value) for key, value in part.items()}

    apart = {name: placed(each) for name, each in defined.items() if uses[name] != 1}
    whole = placed({key: value for key, value in schema.items() if key != "$defs"})
    return {**whole, "$defs": apart} if apart else whole
