"""What stands behind the tools, one folder or file each; they know no tool."""
