"""Tools that ask many things at once."""
