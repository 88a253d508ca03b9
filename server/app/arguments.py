"""Bad arguments, worded for a model."""

from pydantic import ValidationError

from ..text import complaints


def reworded(error: ValidationError, parameters: list[str]) -> str:
    details = error.errors(include_url=False, include_input=False)
    said = complaints(details)
    if any(each["type"] == "extra_forbidden" and len(each["loc"]) == 1 for each in details):
        said.append(f"This tool takes: {', '.join(parameters)}.")
    return " ".join([*said, "Correct this and call again."])
