"""What a model read of a picture, held against what was read of it here."""

from .opinion import MIN_SURE as MIN_SURE
from .opinion import SecondOpinion as SecondOpinion
from .opinion import opinion as opinion
from .placing import placed_lines as placed_lines
from .verdict import verdict as verdict
