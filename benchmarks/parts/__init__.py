"""The parts of a benchmark: each measures one thing within so many seconds, and gives it as JSON."""
