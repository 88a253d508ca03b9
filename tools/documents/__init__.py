"""Tools for whole documents, whose form is kept."""
