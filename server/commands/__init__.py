"""What `bailian-mcp COMMAND` does."""
