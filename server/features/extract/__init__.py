"""Structured data: a schema checked, texts in parts, answers validated and repaired, evidence looked up."""
