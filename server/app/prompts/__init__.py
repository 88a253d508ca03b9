"""The patent workbench of the founding documents as MCP prompts, and what a host may complete while one types."""

from .completions import add_completions as add_completions
from .workbench import Workbench as Workbench
