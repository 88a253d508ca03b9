"""Documents beside a question: their text goes into it, or, where that is too long, to qwen-long's own upload."""

from .answering import answer_about as answer_about
from .reading import Question as Question
