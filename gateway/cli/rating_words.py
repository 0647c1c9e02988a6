"""A rating in words for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.cli.client import Object


def rating_cell(rating: Object) -> str:
    """``A``, or ``A?`` where it was not seen running."""
    return str(rating["grade"]) if rating["final"] else f"{rating['grade']}?"


def rating_words(rating: Object) -> str:
    """``A (95 of 100)``, or what it can come to at the most."""
    words = f"{rating['grade']} ({rating['points']} of 100)"
    return words if rating["final"] else f"at most {words}, by what it declares"


def rating_lines(rating: Object) -> Iterator[str]:
    """Each reason with what it gave or took."""
    yield f"Rating: {rating_words(rating)}"
    for reason in rating["reasons"]:
        seen = "seen" if reason["observed"] else "declared"
        yield f"  {reason['points']:+4d}  {reason['words']} ({seen})"
