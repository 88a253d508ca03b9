"""What a model read of a picture, held against what was read of it here."""

from .opinion import SecondOpinion as SecondOpinion
from .opinion import opinion as opinion
from .verdict import verdict as verdict
