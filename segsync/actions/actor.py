"""Who is acting: a person in the browser, a worker, or the command line."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from segsync.models import Organization, Person
from segsync.rules.rights import Right, may
from segsync.rules.terms import Role


class Refused(Exception):  # noqa: N818 - read aloud: "refused, because …"
    """A person asked for something that cannot be done. The message is a sentence for that person.

    `field` names the form field it is about; `link` is (label, address) of what helps.
    """

    def __init__(self, message: str, *, field: str = "", link: tuple[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.link = link


class NotAllowed(Refused):
    """The person's role does not allow it; the message says who can."""


class NotThere(Refused):
    """What was named does not exist for this person: that it exists for others is not told."""


@dataclass(frozen=True)
class Actor:
    """Who acts, for rights and for the audit trail. A worker and the command line have no role and no rights to check."""

    organization_id: int
    kind: str
    name: str
    person_id: int | None = None
    role: Role | None = None
    request_id: str = field(default="")
    run_id: int | None = None

    @classmethod
    def person(cls, person: Person, request_id: str = "") -> Actor:
        """Somebody who is signed in."""
        return cls(person.organization_id, "person", person.name, person.id, Role(person.role), request_id)

    @classmethod
    def worker(cls, organization_id: int, run_id: int | None = None) -> Actor:
        """The product itself, in a worker or the scheduler."""
        return cls(organization_id, "worker", "segsync", run_id=run_id)

    @classmethod
    def command_line(cls, organization: Organization, name: str) -> Actor:
        """The operator. `name` is the login name at the machine."""
        return cls(organization.id, "command line", name)

    def can(self, right: Right) -> bool:
        """Whether the role includes this right; a worker or the operator may do all."""
        return self.role is None or may(self.role, right)

    def need(self, right: Right) -> None:
        """Raises NotAllowed when the role does not include this right."""
        if not self.can(right):
            raise NotAllowed(right.refusal)


def acting_person(session: Session, actor: Actor) -> Person:
    """The person behind the actor. Raises NotAllowed for a worker or the command line."""
    person = session.get(Person, actor.person_id) if actor.person_id else None
    if person is None:
        raise NotAllowed("Only a person who is signed in can do this.")
    return person
