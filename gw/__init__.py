"""clawgate: gateway and defender for OpenClaw agents."""

from pathlib import Path
from typing import Final

__version__ = "0.1.0"
DATA: Final = Path(__file__).parent / "data"  # importlib.resources would load zipfile and more to say so
