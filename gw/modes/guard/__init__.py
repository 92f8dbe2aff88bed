"""The guard proxy: what stands in front of a real gateway's port, from bytes that pass to requests that wait."""
