"""`bulkload plan`: what a load would do, without doing it."""

from loader.plan.make import make_plan
from loader.plan.plan import Plan, PlannedSource, command_line

__all__ = ["Plan", "PlannedSource", "command_line", "make_plan"]
