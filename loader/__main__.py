"""``python -m loader`` is ``bulkload``."""

from loader.cli import main

if __name__ == "__main__":
    main()
