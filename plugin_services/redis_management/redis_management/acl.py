"""ACL users: list, make, change, delete, try. Passwords go in and never come out, nor do their hashes."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import Query
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, Refused, new_router
from pydantic import Field, SecretStr, StringConstraints

from redis_management.acl_replies import User, user_of
from redis_management.dependencies import Reading, Writing
from redis_management.link import Reader
from redis_management.problems import Changed

PREFIX = "/acl"
router = new_router("users", PREFIX)
Name = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]
UserName = Annotated[str, Query(alias="name", pattern=r"^[!-~]{1,200}$", examples=["app"])]
Rule = Annotated[str, StringConstraints(pattern=r"^[ -~]{1,1000}$")]
Limit = Annotated[int, Query(ge=1, le=500, description="At most so many.")]
_OF_PASSWORDS = (">", "<", "#", "!")


class Users(ApiModel):
    """Some of them by name."""

    users: list[User]
    total: int
    after: str | None = Field(description="Where to go on; null at the end.")
    own: str = Field(description="The one that the plugin is logged in as.")


class Change(ApiModel):
    """What a user is to be."""

    rules: list[Rule] = Field(
        max_length=500,
        description="As in ACL SETUSER: on, off, ~keys, &channels, +command, -@category; no passwords.",
    )
    password: SecretStr | None = Field(default=None, description="One that is valid from now on.")
    generate: bool = Field(default=False, description="Have a password made, which is told once.")
    keep_passwords: bool = Field(default=True, description="Whether the passwords of before stay valid.")


class NewUser(Change):
    """A user to make."""

    name: Name


class UserNow(ApiModel):
    """A user after the change."""

    user: User
    password: str | None = Field(default=None, description="The one that was made; not shown again.")


class Deleted(ApiModel):
    """How many there were."""

    deleted: int


class Trial(ApiModel):
    """What is to be tried."""

    name: Name
    command: list[str] = Field(min_length=1, max_length=100, examples=[["GET", "user:1"]])


class Verdict(ApiModel):
    """Whether the user might."""

    allowed: bool
    message: str


class Denial(ApiModel):
    """What was refused to a client."""

    reason: str
    context: str
    what: str
    user: str
    client: str
    count: int
    seconds_ago: float


class Denials(ApiModel):
    """The newest first."""

    entries: list[Denial]


class Saved(ApiModel):
    """Where users were written to."""

    saved: bool = True


class NoSuchUser(Refusal):
    key, title, status = "no-such-user", "No such user", 404


async def look(reader: Reader, name: str) -> User | None:
    raw = await reader.run("ACL", "GETUSER", name)
    return None if raw is None else user_of(name, raw)


async def must(reader: Reader, name: str) -> User:
    found = await look(reader, name)
    if found is None:
        raise NoSuchUser(f"There is no user '{name}'.", hint="Load the list again.")
    return found


async def _own(reader: Reader) -> str:
    # Whoever may manage users may nearly always ask for this; without it, nothing is marked.
    reply = (await reader.run_each([("ACL", "WHOAMI")]))[0]
    return "" if isinstance(reply, Refusal) else reply.decode(errors="replace")


@router.get("/users")
async def list_users(reader: Reading, search: str = "", after: str = "", limit: Limit = 100) -> Users:
    """Users by name."""
    names = sorted(name.decode(errors="replace") for name in await reader.run("ACL", "USERS"))
    found = [name for name in names if search.lower() in name.lower()]
    page = [name for name in found if name > after][:limit]
    replies = await reader.run_all([("ACL", "GETUSER", name) for name in page])
    users = [user_of(name, raw) for name, raw in zip(page, replies, strict=True) if raw is not None]
    more = bool(page) and page[-1] != found[-1]
    return Users(users=users, total=len(found), after=page[-1] if more else None, own=await _own(reader))


@router.get("/user")
async def read_user(reader: Reading, name: UserName) -> User:
    """One user."""
    return await must(reader, name)


def _words(change: Change) -> tuple[list[str], str | None]:
    """The words of ACL SETUSER, in one go, and the password that was made."""
    for rule in change.rules:
        if rule.startswith(_OF_PASSWORDS):
            raise Refused("Passwords do not belong among the rules.", hint="They have a field of their own.")
    words: list[str] = []
    if not change.keep_passwords:
        words.append("resetpass")
    words += change.rules
    made = secrets.token_urlsafe(24) if change.generate else None
    given = change.password.get_secret_value() if change.password else ""
    words += [f">{password}" for password in (made, given) if password]
    return words, made


@router.post("/users", status_code=201)
async def create_user(writer: Writing, new: NewUser) -> UserNow:
    """Make a user; refused where there is one of that name."""
    words, made = _words(new)
    if await look(writer, new.name) is not None:
        raise Changed(f"There is a user '{new.name}' already.", hint="Change that one, or take another name.")
    await writer.run("ACL", "SETUSER", new.name, *words)
    return UserNow(user=await must(writer, new.name), password=made)


@router.put("/user")
async def change_user(writer: Writing, name: UserName, change: Change) -> UserNow:
    """Apply rules to a user, in their order, all or none."""
    await must(writer, name)
    words, made = _words(change)
    if name == await _own(writer) and "off" in [rule.lower() for rule in change.rules]:
        raise Refused(
            "This is the user that the plugin is logged in as.",
            hint="Use another connection to disable it, or the plugin shuts itself out.",
        )
    await writer.run("ACL", "SETUSER", name, *words)
    return UserNow(user=await must(writer, name), password=made)


@router.delete("/user")
async def delete_user(writer: Writing, name: UserName) -> Deleted:
    """Delete a user; its clients are disconnected."""
    if name in ("default", await _own(writer)):
        raise Refused(
            f"The user '{name}' cannot be deleted from here.",
            hint="'default' always stays (disable it instead); nor is the plugin's own user deleted.",
        )
    deleted: Any = await writer.run("ACL", "DELUSER", name)
    if not deleted:
        raise NoSuchUser(f"There is no user '{name}'.", hint="Load the list again.")
    return Deleted(deleted=deleted)


@router.post("/dry-run")
async def dry_run(reader: Reading, trial: Trial) -> Verdict:
    """Whether a user might run a command, without running it. Needs Redis 7."""
    await must(reader, trial.name)
    try:
        reply = await reader.run("ACL", "DRYRUN", trial.name, *trial.command)
    except Refusal as refusal:
        return Verdict(allowed=False, message=refusal.detail)
    said = reply.decode(errors="replace")
    return Verdict(allowed=said == "OK", message="It may." if said == "OK" else said)


@router.get("/log")
async def read_denials(reader: Reading) -> Denials:
    """Commands, keys, channels and logins that were refused."""
    entries = []
    for raw in await reader.run("ACL", "LOG", 128):
        words = [part.decode(errors="replace") if isinstance(part, bytes) else part for part in raw]
        facts = dict(zip(words[::2], words[1::2], strict=True))
        address = next(
            (word[5:] for word in str(facts.get("client-info", "")).split() if word.startswith("addr=")), ""
        )
        entries.append(
            Denial(
                reason=facts.get("reason", ""),
                context=facts.get("context", ""),
                what=facts.get("object", ""),
                user=facts.get("username", ""),
                client=address,
                count=int(facts.get("count", 1)),
                seconds_ago=float(facts.get("age-seconds", 0)),
            )
        )
    return Denials(entries=entries)


@router.post("/save")
async def save_users(writer: Writing) -> Saved:
    """Have Redis write the users into its ACL file."""
    await writer.run("ACL", "SAVE")
    return Saved()
