"""INFO, and the texts that it and CLIENT LIST answer."""

from __future__ import annotations

from redis_management.link import Reader

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


def pairs_of(text: str, separator: str = " ", middle: str = "=") -> dict[str, str]:
    """``name=value`` words, as in CLIENT LIST and in INFO's keyspace."""
    return {
        name: value
        for name, found, value in (word.partition(middle) for word in text.split(separator))
        if found
    }


def number(text: str | None) -> int | None:
    return int(text) if text and text.lstrip("-").isdigit() else None


def decimal(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


async def info(reader: Reader, *sections: str) -> Sections:
    """INFO of these sections, or of those that the server shows by itself."""
    # One section a command: several in one need Redis 7.
    replies = await reader.run_all([("INFO", section) for section in sections] or [("INFO",)])
    merged: Sections = {}
    for reply in replies:
        merged.update(sections_of(reply.decode(errors="replace")))
    return merged


async def facts_of(reader: Reader, section: str) -> dict[str, str]:
    """The names and values of one section."""
    return (await info(reader, section)).get(section, {})
