"""``python -m loader`` is ``bulkload``."""


def main() -> None:
    """Run the command line and exit."""
    try:
        from loader.cli.main import main as run  # noqa: PLC0415 - an interrupt while it is imported is one, too
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    run()


if __name__ == "__main__":
    main()
