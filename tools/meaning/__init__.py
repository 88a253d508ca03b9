"""Tools that compare texts by what they mean."""
