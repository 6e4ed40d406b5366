"""What bulkload is measured with: `make bench`, or `python -m benchmarks --help`."""
