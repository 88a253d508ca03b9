"""What `bailian-mcp --help` says of the environment."""

from ..settings import settings_table


def environment() -> str:
    return "environment:\n" + "\n".join(f"  {name:24} {meaning}" for name, meaning in settings_table()) + "\n"
