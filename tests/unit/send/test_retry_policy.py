"""What follows from a reply, in the light of what came before it: a table for each decision."""

from __future__ import annotations

import pytest

from loader.errors import Exit, TargetError, TargetUnavailable
from loader.model import Decision, Reason
from loader.postgrest.error_codes import NO_REPLY
from loader.postgrest.verdict import Verdict
from loader.send.result import Accepted, Cause, Refused, Unusable
from loader.send.retry_policy import Renew, RetryPolicy, RowFaults, Wait

BUSY = Verdict(Decision.RETRY, Reason("HTTP 503", "busy"))
TIMEOUT = Verdict(Decision.SHRINK, Reason("57014", "canceling statement due to statement timeout"))
EXPIRED = Verdict(Decision.RENEW, Reason("PGRST301", "JWT expired"))
DENIED = Verdict(Decision.STOP, Reason("42501", "permission denied"), advice="Grant it.")


def policy(
    *, rows: int = 100, patience: float = 60.0, location: str = "", row_faults: RowFaults | None = None
) -> RetryPolicy:
    """A policy that waits a second for each failure, and no less than the server asks for."""
    return RetryPolicy(
        "http://db.example",
        rows=rows,
        patience=patience,
        location=location,
        row_faults=row_faults,
        backoff=lambda failures, after: max(float(failures), after or 0.0),
    )


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        pytest.param(Verdict(Decision.DONE, count=7, new=True), Accepted(7, new=True), id="done"),
        pytest.param(
            Verdict(Decision.SPLIT, Reason("22P02", "bad")),
            Refused(Cause.ROW, Reason("22P02", "bad")),
            id="a bad row",
        ),
        pytest.param(
            Verdict(Decision.KEYS, Reason("21000", "twice")),
            Refused(Cause.KEYS, Reason("21000", "twice")),
            id="equal keys",
        ),
        pytest.param(
            Verdict(Decision.COLUMNS, Reason("PGRST204", "no x")),
            Refused(Cause.COLUMNS, Reason("PGRST204", "no x")),
            id="columns",
        ),
        pytest.param(TIMEOUT, Refused(Cause.SIZE, TIMEOUT.reason), id="too much"),
        pytest.param(BUSY, Wait(1.0, BUSY.reason), id="transient"),
        pytest.param(
            Verdict(Decision.RETRY, BUSY.reason, after=7.0), Wait(7.0, BUSY.reason), id="come back in 7 s"
        ),
        pytest.param(EXPIRED, Renew(), id="an expired token"),
    ],
)
def test_first_reply(verdict: Verdict, expected: object) -> None:
    """Without a history the verdict alone decides."""
    assert expected == policy().after(verdict, 0.0)


def test_stop() -> None:
    """What no repetition mends is told with the server's words and the advice."""
    step = policy(location="trades.jsonl:17").after(DENIED, 0.0)

    assert isinstance(step, Unusable)
    assert (Exit.STOPPED, DENIED.reason) == (step.error.exit_code, step.reason)
    assert (
        "http://db.example refuses the load (rows from trades.jsonl:17 on)\n"
        "the server said: 42501 permission denied\nGrant it."
    ) == str(step.error)


def test_stop_of_what_has_worked() -> None:
    """It is taken for transient: the network is down, or a gateway restarts."""
    assert Wait(1.0, DENIED.reason) == policy().after(DENIED, 0.0, worked=True)


def test_patience() -> None:
    """Failures may last for --retry-for, from the first of them; then the target is unavailable."""
    body = policy(patience=60.0)

    assert Wait(1.0, BUSY.reason) == body.after(BUSY, 1000.0)
    assert Wait(2.0, BUSY.reason) == body.after(BUSY, 1058.0)
    with pytest.raises(TargetUnavailable, match=r"could not be used for 60 s") as error:
        body.after(BUSY, 1060.0)
    assert Exit.UNAVAILABLE == error.value.exit_code


def test_no_patience() -> None:
    """With --retry-for 0 the first failure is the last."""
    with pytest.raises(TargetUnavailable):
        policy(patience=0.0).after(BUSY, 0.0)


def test_no_reply() -> None:
    """Where no reply came there are no words of the server, but those of the network."""
    lost = Verdict(Decision.RETRY, Reason(NO_REPLY, "db.example:80: connection refused"))

    with pytest.raises(TargetUnavailable) as error:
        policy(patience=0.0).after(lost, 0.0)
    assert (
        "http://db.example could not be used for 0 s: db.example:80: connection refused\n"
        "Is --url right, and is the server up?"
    ) == str(error.value)


def test_token_that_is_never_valid() -> None:
    """A token whose time does not come has to be mended, however long one waits."""
    early = Verdict(Decision.RETRY, Reason("PGRST303", "JWT not yet valid"), after=2.0)

    with pytest.raises(TargetError) as error:
        policy(patience=1.0).after(early, 0.0)
    assert Exit.STOPPED == error.value.exit_code


def test_few_tries() -> None:
    """An error that may be a row's is put down to a row when it does not pass."""
    internal = Verdict(Decision.RETRY, Reason("XX000", "internal"), tries=3)
    body = policy()

    steps = [body.after(internal, float(now)) for now in range(3)]

    assert [
        Wait(1.0, internal.reason),
        Wait(2.0, internal.reason),
        Refused(Cause.ROW, internal.reason),
    ] == steps


def test_error_of_a_row() -> None:
    """Once it came again for a row alone, other rows with it are rejected without a wait, batches split."""
    internal = Verdict(Decision.RETRY, Reason("XX000", "internal"), tries=2)
    refused = Refused(Cause.ROW, internal.reason)
    faults = RowFaults()

    def steps(rows: int, tries: int) -> list[object]:
        body = policy(rows=rows, row_faults=faults)
        return [body.after(internal, float(now)) for now in range(tries)]

    assert [Wait(1.0, internal.reason), refused] == steps(2, 2)
    assert [Wait(1.0, internal.reason), refused] == steps(1, 2)
    assert [refused] == steps(2, 1)
    assert [Wait(0.0, internal.reason), refused] == steps(1, 2)


def test_few_tries_without_rows() -> None:
    """No row is to blame for a request that has none."""
    internal = Verdict(Decision.RETRY, Reason("XX000", "internal"), tries=1)

    assert Wait(1.0, internal.reason) == policy(rows=0).after(internal, 0.0)


@pytest.mark.parametrize("patience", [60.0, 2.5, 0.0])
def test_single_row_that_takes_too_long(patience: float) -> None:
    """It is tried a few times; then the limit has to be mended, even if --retry-for ends sooner."""
    body = policy(rows=1, patience=patience)

    with pytest.raises(TargetError, match="a single row takes longer than the server allows") as error:
        _ = [body.after(TIMEOUT, float(now)) for now in range(4)]
    assert Exit.STOPPED == error.value.exit_code


def test_single_row_that_takes_too_long_once() -> None:
    """A limit that was met once may not be met again."""
    body = policy(rows=1)

    assert Wait(1.0, TIMEOUT.reason) == body.after(TIMEOUT, 0.0)
    assert Accepted(1) == body.after(Verdict(Decision.DONE, count=1), 1.0)


def test_single_row_that_is_too_large() -> None:
    """Its bytes will not be fewer: it is refused at once."""
    large = Verdict(Decision.SHRINK, Reason("HTTP 413", "too large"))

    assert Refused(Cause.SIZE, large.reason) == policy(rows=1).after(large, 0.0)


def test_token_is_renewed_once() -> None:
    """A new token that is refused in its turn stops the load."""
    body = policy()

    assert Renew() == body.after(EXPIRED, 0.0)
    assert isinstance(body.after(EXPIRED, 1.0), Unusable)


def test_token_is_renewed_again_after_a_wait() -> None:
    """By then the new one may have expired, too."""
    body = policy()

    assert Renew() == body.after(EXPIRED, 0.0)
    assert Wait(1.0, BUSY.reason) == body.after(BUSY, 1.0)
    assert Renew() == body.after(EXPIRED, 2.0)


def test_token_is_renewed_again_once_the_server_was_well() -> None:
    """A preflight got through with the new token: the next refusal is of another one."""
    body = policy()

    assert Renew() == body.after(EXPIRED, 0.0)
    body.well()
    assert Renew() == body.after(EXPIRED, 1.0)
