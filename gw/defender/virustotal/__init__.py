"""Reputation by VirusTotal v3: look-ups of URLs and file hashes, never uploads."""
