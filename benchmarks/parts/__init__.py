"""The parts of a benchmark: each measures one thing within a given time and returns JSON."""
