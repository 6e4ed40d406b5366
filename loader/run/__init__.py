"""What is settled: the run directory with journal, rejects and report."""
