"""``audit resources``."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict

from auditor.environment import resources
from auditor.errors import one_line


def run(options: Namespace) -> int:
    """Say which optional resources are present and what the absence of the others disables."""
    found = resources.survey()
    if options.json:
        print(json.dumps([asdict(resource) for resource in found], ensure_ascii=True, indent=2))
        return 0
    for resource in found:
        print(one_line(f"{'present' if resource.present else 'absent ':>7}  {resource.name}: {resource.note}"))
    return 0
