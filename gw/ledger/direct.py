"""ports.Offload without threads: runs the job where it stands. For the command line and tests."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Direct:
    def run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return job(*args, **kwargs)
