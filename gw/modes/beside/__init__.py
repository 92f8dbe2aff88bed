"""Beside a real gateway: the sidecar, what set-up and doctor know of its configuration, the proof of coverage."""
