"""Heads, rankings, arms, and the head set of every condition."""
