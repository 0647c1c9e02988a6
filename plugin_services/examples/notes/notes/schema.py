"""The database's tables, and how an older file becomes today's."""

from __future__ import annotations

import sqlite3

# One entry a version; a version once released is never edited.
_VERSIONS = (
    """
    CREATE TABLE notes (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        title TEXT NOT NULL, text TEXT NOT NULL, pinned INTEGER NOT NULL, author TEXT NOT NULL,
        created INTEGER NOT NULL, updated INTEGER NOT NULL, revision INTEGER NOT NULL
    );
    CREATE INDEX notes_order ON notes (pinned, updated, id);
    CREATE TABLE attachments (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        note INTEGER NOT NULL REFERENCES notes ON DELETE CASCADE,
        file TEXT NOT NULL UNIQUE, name TEXT NOT NULL, content_type TEXT NOT NULL, size INTEGER NOT NULL
    );
    CREATE INDEX attachments_note ON attachments (note);
    CREATE VIRTUAL TABLE words USING fts5 (
        title, text, content='notes', content_rowid='id',
        tokenize='unicode61 remove_diacritics 2', prefix='2 3'
    );
    CREATE TRIGGER notes_added AFTER INSERT ON notes BEGIN
        INSERT INTO words (rowid, title, text) VALUES (new.id, new.title, new.text);
    END;
    CREATE TRIGGER notes_removed AFTER DELETE ON notes BEGIN
        INSERT INTO words (words, rowid, title, text) VALUES ('delete', old.id, old.title, old.text);
    END;
    CREATE TRIGGER notes_changed AFTER UPDATE OF title, text ON notes BEGIN
        INSERT INTO words (words, rowid, title, text) VALUES ('delete', old.id, old.title, old.text);
        INSERT INTO words (rowid, title, text) VALUES (new.id, new.title, new.text);
    END;
    """,
)


class DatabaseTooNew(Exception):
    """The file was written by a later version of the plugin."""


def prepare(connection: sqlite3.Connection) -> None:
    """Set the connection up and bring the file to today's version. Raises DatabaseTooNew."""
    # An answer goes out after its commit reached the disk: kill -9 and power loss alike lose nothing.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # During an update two instances share the file for a while.
    connection.execute("PRAGMA busy_timeout = 5000")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(_VERSIONS):
        raise DatabaseTooNew(f"the notes were written by a later version (schema {version})")
    for number, script in enumerate(_VERSIONS[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
