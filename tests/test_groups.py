"""Groups of members that were joined, against sets that are merged one by one."""

from __future__ import annotations

import random

from probes._groups import Groups


def merged(members: list[int], pairs: list[tuple[int, int]]) -> list[set[int]]:
    groups = [{member} for member in members]
    for one, other in pairs:
        touched = [group for group in groups if group & {one, other}]
        groups = [group for group in groups if group not in touched] + [set().union(*touched)]
    return groups


def test_joined_members_have_one_root_and_others_another() -> None:
    rng = random.Random(0)
    for _ in range(50):
        members = list(range(rng.randint(1, 12)))
        pairs = [(rng.choice(members), rng.choice(members)) for _ in range(rng.randint(0, 10))]
        groups = Groups[int]()
        for one, other in pairs:
            groups.join(one, other)
        by_root: dict[int, set[int]] = {}
        for member in members:
            by_root.setdefault(groups.root(member), set()).add(member)
        assert sorted(map(sorted, by_root.values())) == sorted(map(sorted, merged(members, pairs)))
        assert all(root in group for root, group in by_root.items())


def test_the_root_of_what_is_joined_into_stays() -> None:
    groups = Groups[str]()
    groups.join("words", "cluster")
    groups.join("other words", "words")
    assert {groups.root(name) for name in ("words", "other words", "cluster")} == {"cluster"}
