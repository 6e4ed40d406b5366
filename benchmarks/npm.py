"""Install postgrest-js with npm, into a cache folder, when it is first asked for."""

from __future__ import annotations

import json
import shutil
import subprocess

from benchmarks.measure import ROOT

PACKAGE = "@supabase/postgrest-js"
WANTED = f"{PACKAGE}@2"
FOLDER = ROOT / ".cache" / "bench-npm"
SCRIPT = ROOT / "benchmarks" / "with_postgrest_js.cjs"


def install() -> str:
    """Install it if it is missing; return its version.

    Raises:
        LookupError: there is no npm, or it cannot install it; the message says which.
    """
    about = FOLDER / "node_modules" / PACKAGE / "package.json"
    if not shutil.which("node") or not shutil.which("npm"):
        raise LookupError("no npm")
    if not about.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--prefix", str(FOLDER), "--no-audit", "--no-fund", WANTED]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode or not about.exists():
            raise LookupError("npm could not install it")
    version: str = json.loads(about.read_text())["version"]
    return version


def command(settings: dict[str, object]) -> list[str]:
    """Return the command that loads with it."""
    return ["node", str(SCRIPT), str(FOLDER), json.dumps(settings)]
