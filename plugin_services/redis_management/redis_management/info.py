"""Reads the texts of INFO and CLIENT LIST."""

from __future__ import annotations

Sections = dict[str, dict[str, str]]


def sections_of(text: str) -> Sections:
    """INFO: "# Section" lines, each followed by "name:value" lines."""
    sections: Sections = {}
    current: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            current = sections.setdefault(line.lstrip("# ").lower(), {})
        elif ":" in line:
            name, _, value = line.partition(":")
            current[name] = value
    return sections


def pairs_of(text: str, separator: str = " ") -> dict[str, str]:
    """``name=value`` words, as in CLIENT LIST and in INFO's keyspace."""
    return {
        name: value for name, found, value in (word.partition("=") for word in text.split(separator)) if found
    }


def number(text: str | None) -> int | None:
    return int(text) if text and text.lstrip("-").isdigit() else None


def decimal(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
