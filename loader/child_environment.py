"""The environment of the programs that bulkload runs. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The variables that give bulkload a credential, or have it run a program for one: a helper that is bulkload
# itself must not run itself for ever. What other programs read of AWS_, AZURE_ and the like stays.
_CREDENTIAL = re.compile(
    r"(?:BULKLOAD|PGRST)_\w*(?:SECRET|PASSWORD|APIKEY)"
    r"|BULKLOAD_(?:TOKEN|OAUTH)\w*"
    r"|SUPABASE_\w*KEY"
)


def child_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a program is given: all but those that hold a credential of bulkload's.

    Args:
        variables: of this process.
    """
    return {name: value for name, value in variables.items() if not _CREDENTIAL.fullmatch(name)}
