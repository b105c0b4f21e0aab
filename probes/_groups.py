"""Members that belong together, joined pair by pair."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Member = TypeVar("Member", bound=Hashable)


class Groups(Generic[Member]):
    """Disjoint groups (union-find); a member that was never joined is its own."""

    def __init__(self) -> None:
        self._parents: dict[Member, Member] = {}

    def root(self, member: Member) -> Member:
        """Return the member that stands for the group."""
        while self._parents.setdefault(member, member) != member:
            self._parents[member] = member = self._parents[self._parents[member]]
        return member

    def join(self, member: Member, into: Member) -> None:
        """Make two groups one; the root of ``into`` stands for it."""
        self._parents[self.root(member)] = self.root(into)
