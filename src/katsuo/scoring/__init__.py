"""Predictions in, scores out: what was asked, what was answered, and how sure we are."""
