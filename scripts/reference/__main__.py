"""``python -m scripts.reference`` (``make reference``) writes docs/reference anew; with ``--check`` it tells
what would change, and ends with 1 where anything would."""

from __future__ import annotations

import sys

from scripts import settings_doc
from scripts.reference.pages import TARGET, pages


def main() -> int:
    made = {TARGET / name: text for name, text in pages().items()}
    made[settings_doc.TARGET] = settings_doc.document()
    gone = [path for path in TARGET.glob("*.md") if path not in made]
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        sys.stdout.writelines(f"{path} is not current; run: make reference\n" for path in (*stale, *gone))
        return 1 if stale or gone else 0
    TARGET.mkdir(exist_ok=True)
    for path in gone:
        path.unlink()
    for path in stale:
        path.write_text(made[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
