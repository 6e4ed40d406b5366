"""bulkload loads historical exports into PostgreSQL through PostgREST, every row exact.

report = await loader.load(loader.Settings(url="http://localhost:3000"), ["dump.jsonl"])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from io import TextIOWrapper
from typing import TYPE_CHECKING

from loader.errors import (
    Interrupted,
    LoadError,
    SettingsError,
    SourceError,
    SourceMissing,
    TargetError,
    TargetUnavailable,
    TooManyRejects,
)
from loader.settings import MaxErrors, Settings
from loader.version import __version__

if TYPE_CHECKING:
    from loader.events import Observer
    from loader.halt import Halt
    from loader.run.report import Report
    from loader.transform.presets import Preset

__all__ = [
    "Interrupted",
    "LoadError",
    "MaxErrors",
    "Settings",
    "SettingsError",
    "SourceError",
    "SourceMissing",
    "TargetError",
    "TargetUnavailable",
    "TooManyRejects",
    "__version__",
    "load",
]


async def load(
    settings: Settings,
    sources: Sequence[str],
    *,
    observer: Observer | None = None,
    halt: Halt | None = None,
) -> Report:
    """Load sources into the target, in this order, as one load.

    Args:
        settings: what to load into, and how.
        sources: paths, globs, URLs, or ``-`` for standard input.
        observer: is told each event of the load (loader.events).
        halt: lets the caller ask the load to stop (loader.halt).

    Returns:
        What became of the rows. If the load had to stop, ``error`` says why; nothing is raised then.

    Raises:
        SourceMissing: a source does not exist or cannot be opened; nothing was sent.
        SettingsError: settings contradict each other, a certificate or a proxy is not what it should be, or
            the run directory cannot be made or belongs to another load; nothing was sent.
        RunDirError: it cannot be written.
    """
    # aiohttp takes a third of a second to import: `bulkload --help` need not wait for it.
    from anyio import to_thread

    from loader.events import Observers
    from loader.halt import Halt
    from loader.pipeline import Load
    from loader.run.run_dir import RunDir, run_dir_path
    from loader.sources.find import find, with_state
    from loader.transport import Transport

    make_preset = check_settings(settings)
    transport = Transport.of(settings)
    found_sources = await to_thread.run_sync(
        find, tuple(sources), abandon_on_cancel=True
    )  # it may ask servers
    if not found_sources:
        raise SourceMissing("no source was named")
    found_sources = await to_thread.run_sync(with_state, found_sources)
    with RunDir(
        run_dir_path(settings, found_sources[0].name), found_sources, fresh=settings.fresh
    ) as run_dir:
        pipeline = Load(
            settings,
            found_sources,
            run_dir,
            transport=transport,
            halt=halt or Halt(),
            observer=observer or Observers(),
            preset=make_preset,
        )
        report = await pipeline.run()
        if report.status == "complete" and not settings.dry_run:
            run_dir.note_loaded(settings, found_sources)
        return report


def check_settings(settings: Settings) -> Callable[[], Preset] | None:
    """Check what a load checks of its settings before it starts anything: columns, preset, and their files.

    Returns:
        What makes the preset for a source; None: there is none.

    Raises:
        SettingsError: they contradict each other, --usd-rates cannot be read, or --jwt-key-file is no key.
    """
    from loader.credentials.keys import signing_key
    from loader.transform.mapping import ColumnMapping

    ColumnMapping.of(settings)
    signing_key(settings)
    return _preset(settings)


def _preset(settings: Settings) -> Callable[[], Preset] | None:
    """Return what makes the preset that the settings name, with the rates that they name."""
    from loader.private_files import open_regular
    from loader.transform.presets import Rates, preset

    if settings.preset is None:
        return None
    rates = None
    if settings.usd_rates is not None:
        try:
            with TextIOWrapper(open_regular(settings.usd_rates), encoding="utf-8", newline="") as file:
                rates = Rates.parse(file, str(settings.usd_rates))
        except (OSError, UnicodeDecodeError) as error:
            why = " is not UTF-8" if isinstance(error, ValueError) else f": {error.strerror or error}"
            raise SettingsError(f"--usd-rates {settings.usd_rates}{why}") from error
    make = partial(
        preset,
        settings.preset,
        id=settings.id,
        rates=rates,
        stablecoins_at_par=settings.usd_stablecoins == "at-par",
    )
    make()  # raises what is wrong with it
    return make
