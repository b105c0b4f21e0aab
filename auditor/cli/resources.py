"""Command ``audit resources``."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict

from auditor.environment import resources
from auditor.errors import one_line


def run(options: Namespace) -> int:
    """List optional resources and what is disabled without them."""
    surveyed = resources.survey()
    if options.json:
        print(json.dumps([asdict(resource) for resource in surveyed], ensure_ascii=True, indent=2))
        return 0
    for resource in surveyed:
        print(one_line(f"{'present' if resource.present else 'absent ':>7}  {resource.name}: {resource.note}"))
    return 0
