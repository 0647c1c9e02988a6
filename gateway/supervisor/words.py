"""Putting reasons together to readable text."""

from __future__ import annotations


def sentence(text: str) -> str:
    """With a full stop, where it lacks an end of its own: the last words of a process rarely have one."""
    text = text.strip()
    return text if not text or text[-1] in ".!?" else f"{text}."
