"""What reads pages here, in a process of its own; nothing of it is imported by the server."""
