"""The MCP server: finds the tools, publishes their schemas, words bad arguments, speaks each transport."""
