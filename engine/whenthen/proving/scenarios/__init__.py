"""Scenarios: a history written by a person, what is expected of it, and what happened instead."""
