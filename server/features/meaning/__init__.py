"""What texts mean, as vectors: files in passages, the vectors of these, those near to a question."""
