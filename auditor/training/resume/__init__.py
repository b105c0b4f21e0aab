"""Storage of interrupted and finished trainings, and their resumption."""

from auditor.training.resume.keeper import (
    FORMAT,
    RUNNING,
    Keeper,
    Outcome,
    Place,
    finished,
    keeper,
    say_once,
)

__all__ = ["FORMAT", "RUNNING", "Keeper", "Outcome", "Place", "finished", "keeper", "say_once"]
