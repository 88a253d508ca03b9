"""Tools for sound and film."""
