"""What lines and gateways do to the requests of a load, and what becomes of its tokens on the way."""

from __future__ import annotations

from collections.abc import Callable

from tests.soak.trials import Attempt, Ended, Trial
from tests.support.line_faults import Act, Answer, Delay, Fault, Seen, every, expired, reply
from tests.support.proxy import Proxy


def line(act: Act, count: int) -> Attempt:
    """Do something to every ``count``-th request."""

    def attempt(trial: Trial) -> Ended:
        resolution = ("merge", "ignore", "none")[trial.seed % 3]
        made = trial.source(5000)
        named = resolution if resolution == "none" else f"{resolution}-duplicates"
        with Proxy(trial.target.url, every(count, act, first=1 + trial.seed % count)) as proxy:
            options = ("--batch-rows=100", "--timeout=3", f"--resolution={named}", "--max-errors=10%")
            return Ended(made, trial.loads(proxy.url, *options).run("rows.jsonl"), resolution)

    return attempt


def refusal(status: str, code: str = "", *headers: str) -> Answer:
    """Return a refusal by PostgREST, or by a gateway where it has no code."""
    body = f'{{"code":"{code}","message":"{code}","details":null,"hint":null}}' if code else "<html></html>"
    return Answer(reply(status, body, *headers, kind="application/json" if code else "text/html"))


def limit(exceeds: Callable[[Seen], bool], answer: Answer) -> Attempt:
    """Refuse each request that exceeds a limit."""

    def attempt(trial: Trial) -> Ended:
        made = trial.source(5000)
        refuse: Fault = lambda seen: answer if exceeds(seen) else None  # noqa: E731
        with Proxy(trial.target.url, refuse, reads_bodies=True) as proxy:
            return Ended(made, trial.loads(proxy.url).run("rows.jsonl"))

    return attempt


def slow_line(trial: Trial) -> Ended:
    """Let 50 kB/s through, with the defaults: more is in flight at first than goes through in --timeout."""
    made = trial.source(40_000, repeats=0.0, shapes=False, wide=200)
    with Proxy(trial.target.url, rate=50_000) as proxy:
        return Ended(made, trial.loads(proxy.url).start("rows.jsonl").wait(900))


def short_tokens(trial: Trial) -> Ended:
    """Use tokens of 2 s in a load of a minute."""
    made = trial.source(12_000)
    loads = trial.loads(trial.target.url, "--batch-rows=100", "--jwt-ttl=2", "--max-rate=200")
    return Ended(made, loads.run("rows.jsonl"))


def expiry(trial: Trial) -> Ended:
    """Delay two requests with tokens of 2 s by 35 s: PostgREST refuses them as expired."""
    made = trial.source(5000)

    def fault(seen: Seen) -> Act | None:
        return Delay(35) if seen.number in (3, 9) else None

    with Proxy(trial.target.url, fault) as proxy:
        run = trial.loads(proxy.url, "--batch-rows=100", "--jwt-ttl=2").run("rows.jsonl")
        refused = [seen for seen in proxy.seen if seen.status == 401]
    assert 2 == len(refused), refused
    return Ended(made, run)


def refused_tokens(trial: Trial) -> Ended:
    """Refuse each token as expired 1.1 s after it was seen first."""
    firsts: dict[str, float] = {}
    answer = Answer(reply("401 Unauthorized", expired()), early=True)

    def fault(seen: Seen) -> Act | None:
        return answer if seen.at - firsts.setdefault(seen.token, seen.at) > 1.1 else None

    made = trial.source(6000)
    with Proxy(trial.target.url, fault) as proxy:
        run = trial.loads(proxy.url, "--batch-rows=100", "--max-rate=1500").run("rows.jsonl")
    return Ended(made, run)
