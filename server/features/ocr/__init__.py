"""Reading pages: tasks, several pages at once, what was found on each and how far it can be trusted."""
