"""clawgate: gateway and defender for OpenClaw agents."""

__version__ = "0.1.0"
