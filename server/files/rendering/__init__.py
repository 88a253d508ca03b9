"""Opens files and draws their pages, in a process of its own that imports nothing else of ours."""
