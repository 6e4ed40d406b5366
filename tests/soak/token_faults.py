"""Loads that live longer than their tokens, which a provider gives."""

from __future__ import annotations

from tests.soak.trials import Ended, Trial
from tests.support.oauth_loads import OAuthLoads
from tests.support.oauth_provider import AUDIENCE, oauth_provider


def oauth(trial: Trial) -> Ended:
    """Use tokens of 5 s of an OAuth 2 provider in a load of a minute; PostgREST checks them by its JWKS."""
    made = trial.source(12_000)
    with oauth_provider() as provider:
        trial.target.replace_postgrest(provider.jwks)
        try:
            loads = OAuthLoads(trial.folder, trial.target.url, provider, "--batch-rows=100", "--max-rate=200")
            run = loads.run("rows.jsonl")
            renewed = run.report["token_refreshes"]
            assert renewed >= 10, f"{renewed} renewals"
            assert {AUDIENCE} == {asked["audience"] for asked in provider.asked}
        finally:
            trial.target.restore_postgrest()
    return Ended(made, run)
