"""The settings: each has an option in all four places, and is a part of the load's identity or is not."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from loader.cli.config import read_folder
from loader.cli.main import load
from loader.cli.options import settings_of
from loader.errors import SettingsError
from loader.model import Place, RowRange
from loader.run.run_dir import RunDir, identity_of
from loader.settings import OPTIONS, PRESETS, Group, MaxErrors, Settings
from loader.settings.option import flag, option
from loader.settings.values import (
    parse_comment,
    parse_delimiter,
    parse_header,
    parse_map,
    parse_null,
    parse_quote,
    parse_schema,
    parse_set,
    parse_size,
)
from loader.sources.find import find
from loader.transform.presets import NAMES

DOCUMENTED = (Path(__file__).parents[2] / "docs" / "options.md").read_text(encoding="utf-8")
URL = "http://localhost:3000"

# Every setting: the text of a value that is not its default, and what is read from it.
# `secret` and `rates.csv` are files of the fixture `folder`.
VALUES: dict[str, tuple[str, Any]] = {
    "url": ("http://elsewhere:3000", "http://elsewhere:3000"),
    "table": ("trades", "trades"),
    "schema": ("core", "core"),
    "sandbox": ("true", True),
    "ca_file": ("ca.pem", Path("ca.pem")),
    "client_cert": ("client.pem", Path("client.pem")),
    "apikey": ("secret", "hush"),
    "jwt_secret": ("secret", "hush"),
    "jwt_secret_is_base64": ("true", True),
    "jwt_key": ("secret", "hush"),
    "jwt_alg": ("ES256", "ES256"),
    "jwt_kid": ("k", "k"),
    "role": ("writer", "writer"),
    "jwt_aud": ("me", "me"),
    "jwt_ttl": ("60", 60.0),
    "jwt_claim": ("sub=1", (("sub", "1"),)),
    "jwt_iat": ("true", True),
    "token_file": ("secret", Path("secret")),
    "token_command": ("print it", "print it"),
    "login": ("me@example.com", "me@example.com"),
    "password": ("secret", "hush"),
    "oauth_issuer": ("https://issuer", "https://issuer"),
    "oauth_token_url": ("https://issuer/token", "https://issuer/token"),
    "oauth_client_id": ("me", "me"),
    "oauth_client_secret": ("secret", "hush"),
    "oauth_client_key": ("secret", "hush"),
    "oauth_refresh_token": ("secret", "hush"),
    "oauth_scope": ("write", "write"),
    "oauth_audience": ("api", "api"),
    "oauth_use": ("id_token", "id_token"),
    "format": ("csv", "csv"),
    "preset": ("kraken", "kraken"),
    "usd_rates": ("rates.csv", Path("rates.csv")),
    "usd_stablecoins": ("at-rate", "at-rate"),
    "delimiter": (";", ";"),
    "quote": ("none", ""),
    "header": ("id,a", ("id", "a")),
    "skip_lines": ("2", 2),
    "comment": ("#", "#"),
    "null": ("qty=NULL", (("qty", "NULL"),)),
    "decimal": (",", ","),
    "thousands": (".", "."),
    "date_order": ("dmy", "dmy"),
    "encoding": ("latin-1", "latin-1"),
    "source_table": ("orders", "orders"),
    "query": ("select 1", "select 1"),
    "parquet_memory": ("2GiB", 2 * 2**30),
    "columns": ("id,price", ("id", "price")),
    "map": ("id=key", (("id", "key"),)),
    "set": ("market=kraken", (("market", "kraken"),)),
    "drop": ("junk", ("junk",)),
    "types": ("a=int,b=text[]", (("a", "integer"), ("b", "text[]"))),
    "id": ("txid", "txid"),
    "on_conflict": ("id,market", ("id", "market")),
    "resolution": ("none", "none"),
    "max_errors": ("5%", MaxErrors(percent=5.0)),
    "dry_run": ("true", True),
    "run_dir": ("elsewhere", Path("elsewhere")),
    "fresh": ("true", True),
    "concurrency": ("3", 3),
    "max_rate": ("1000", 1000.0),
    "batch_rows": ("50", 50),
    "batch_bytes": ("256KiB", 262144),
    "timeout": ("5", 5.0),
    "retry_for": ("7", 7.0),
    "insert_first": ("never", "never"),
}
OAUTH = {"oauth_issuer": "https://other", "oauth_client_id": "you"}
# What another setting needs beside it.
NEEDS: dict[str, dict[str, Any]] = {
    **{name: {"preset": "kraken"} for name in ("usd_rates", "usd_stablecoins", "id")},
    "thousands": {"decimal": ","},
    "apikey": {"url": f"{URL}/rest/v1", "schema": "public"},  # which it would bring
    "login": {"url": f"{URL}/rest/v1", "schema": "public", "apikey": "hush"},
    "jwt_secret_is_base64": {"jwt_secret": "hush"},
    "jwt_alg": {"jwt_key": "hush"},
    **{name: {"jwt_secret": "hush"} for name in ("jwt_kid", "jwt_claim", "jwt_iat")},
    **{name: OAUTH | {"oauth_refresh_token": "hush"} for name in VALUES if name.startswith("oauth_")},
    "oauth_refresh_token": OAUTH | {"oauth_client_secret": "hush"},
}

# A load is resumed with other values of these: they change how rows are sent, not which rows, or where to.
MAY_CHANGE = {
    *(name for name, about in OPTIONS.items() if about.group is Group.CREDENTIALS),
    *("ca_file", "client_cert"),
    *("concurrency", "max_rate", "batch_rows", "batch_bytes", "timeout", "retry_for", "insert_first"),
    *("max_errors", "run_dir", "fresh", "parquet_memory"),
    "dry_run",  # it keeps no journal, and is refused where there is one
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with no settings in it, nor in the environment."""
    for name in VALUES:
        monkeypatch.delenv(f"BULKLOAD_{name.upper()}", raising=False)
    monkeypatch.delenv("PGRST_JWT_SECRET", raising=False)
    (tmp_path / "secret").write_text("hush\n")
    (tmp_path / "rates.csv").write_text("asset,timestamp,usd\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parameter(name: str) -> str:
    """What the command line calls a setting."""
    return f"{name}_file" if OPTIONS[name].secret else name


def needs(name: str) -> dict[str, str]:
    """What a setting needs beside it, as text: of a secret the file."""
    return {
        other: "secret" if OPTIONS[other].secret else value for other, value in NEEDS.get(name, {}).items()
    }


def given(*arguments: str, **files: Any) -> Settings:
    """The settings of a command line, and of its bulkload.toml."""
    return settings_of(load.make_context("load", [*arguments, "dump.jsonl"], default_map=files).params)


def as_flag(name: str, text: str) -> list[str]:
    """A setting as a flag of the command line, after those that it needs."""
    needed = [f"{flag(parameter(other))}={text}" for other, text in needs(name).items()]
    url = [] if name == "url" else [f"--url={URL}"]
    own = flag(name) if getattr(Settings(url=URL), name) is False else f"{flag(parameter(name))}={text}"
    return [*url, *needed, own]


def test_the_tables_here_have_each_setting() -> None:
    """A new field of Settings needs a value here, so that the tests below see it."""
    given_alone = {name for name, about in OPTIONS.items() if not about.has_file}  # by a variable

    assert {field.name for field in fields(Settings)} == set(OPTIONS)
    assert [name for name in OPTIONS if name not in given_alone] == list(VALUES)
    assert MAY_CHANGE <= set(OPTIONS)


@pytest.mark.parametrize("name", VALUES)
def test_another_value_makes_another_load_unless_it_may_change(name: str) -> None:
    """What decides which rows are read, or how or where they are written, is a part of the identity."""
    text, value = VALUES[name]
    base = Settings(**{"url": URL} | NEEDS.get(name, {}))
    changed = given(*as_flag(name, text))
    before, after = identity_of(base), identity_of(changed)

    assert value != getattr(base, name)
    assert (name in MAY_CHANGE) == (before == after)
    if name not in MAY_CHANGE:
        assert name in {key for key in after if before.get(key) != after[key]}


@pytest.mark.parametrize("name", VALUES)
def test_each_setting_is_a_flag(name: str) -> None:
    """--batch-rows sets batch_rows."""
    text, value = VALUES[name]

    assert value == getattr(given(*as_flag(name, text)), name)


@pytest.mark.parametrize("name", VALUES)
def test_each_setting_is_a_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """BULKLOAD_BATCH_ROWS sets batch_rows."""
    text, value = VALUES[name]
    needed = {"url": URL} | needs(name)
    for other, other_text in (needed | {name: text}).items():
        monkeypatch.setenv(f"BULKLOAD_{parameter(other).upper()}", other_text)

    assert value == getattr(given(), name)


@pytest.mark.parametrize("name", [name for name in VALUES if name != "token_command"])  # of a folder: never
def test_each_setting_is_a_key_of_bulkload_toml(name: str, folder: Path) -> None:
    """``batch-rows = '50'`` sets batch_rows."""
    text, value = VALUES[name]
    needed = {"url": URL} | needs(name)
    keys = {parameter(key).replace("_", "-"): written for key, written in (needed | {name: text}).items()}
    (folder / "bulkload.toml").write_text("".join(f"{key} = '{written}'\n" for key, written in keys.items()))
    known = frozenset(param.name or "" for param in load.params)
    repeated = frozenset(name for name, about in OPTIONS.items() if about.repeated)

    assert value == getattr(given(**read_folder(folder, known, repeated).values), name)


@pytest.mark.parametrize("name", VALUES)
def test_each_setting_is_documented(name: str) -> None:
    """docs/options.md has a row for it."""
    assert re.search(rf"^\| `{flag(parameter(name))}` \|", DOCUMENTED, re.MULTILINE)


def test_a_file_of_settings_may_have_numbers() -> None:
    """Also for options that are more than a number."""
    settings = given(url=URL, max_errors=5, batch_bytes=4096, concurrency=2)

    assert (MaxErrors(number=5), 4096, 2) == (
        settings.max_errors,
        settings.batch_bytes,
        settings.concurrency,
    )


def test_a_field_cannot_forget_whether_it_is_a_part_of_the_identity() -> None:
    """There is no default for it."""
    untyped: Any = option  # mypy would refuse the call, too

    with pytest.raises(TypeError, match="identity"):
        untyped(Group.LOAD, "A new one.", default=1)


def test_the_help_names_each_choice() -> None:
    """``--help`` shows one word for the value: the text must say which there are."""
    for about in OPTIONS.values():
        assert [] == [choice for choice in about.choices if choice not in about.help]


def test_presets_are_those_that_there_are() -> None:
    """The settings name them, and transform/presets has them."""
    assert NAMES == PRESETS


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"preset": "hummingbot"}, "differs in preset$"),
        ({"columns": ("id",), "null": (("", "NULL"),)}, "differs in null, columns$"),
        ({"usd_rates": Path("other.csv")}, "differs in usd-rates$"),
        ({"sandbox": True}, "differs in url, sandbox$"),
    ],
)
async def test_an_unfinished_load_is_not_resumed_with_other_settings(
    folder: Path, change: dict[str, Any], words: str
) -> None:
    """The error names the settings; what may change is no obstacle."""
    (folder / "rows.jsonl").write_text('{"id":"a"}\n')
    (folder / "other.csv").write_text("asset,timestamp,usd\nETH,1,2\n")
    settings = Settings(url=URL, preset="kraken", usd_rates=Path("rates.csv"))
    sources = find(("rows.jsonl",))
    with RunDir(folder / "run", sources) as run_dir:
        journal, _ = run_dir.open_journal(settings, sources)
        journal.settle(RowRange(("id",), (0, 1), (0, 1)))
        await journal.commit(lambda: Place(0, 2, 11, 2), dict)
        journal.close()

        with pytest.raises(SettingsError) as caught:
            run_dir.open_journal(replace(settings, **change), sources)
        assert re.search(words, caught.value.message)
        journal, past = run_dir.open_journal(replace(settings, concurrency=1, timeout=1), sources)
        journal.close()
        assert past is not None


def test_the_content_of_a_file_counts_not_its_name(folder: Path) -> None:
    """The same rates under another name are the same load."""
    (folder / "copy.csv").write_bytes((folder / "rates.csv").read_bytes())
    settings = Settings(url=URL, preset="kraken", usd_rates=Path("rates.csv"))

    assert identity_of(settings) == identity_of(replace(settings, usd_rates=Path("copy.csv")))


def test_a_url_is_the_same_with_a_slash_at_its_end() -> None:
    """Both send to one place."""
    assert Settings(url=URL).identity() == Settings(url=f"{URL}/").identity()


@pytest.mark.parametrize(
    ("url", "schema", "expected"),
    [
        (URL, "", "api"),
        ("https://project.supabase.co", "", "public"),
        ("https://project.supabase.co/rest/v1", "", "public"),
        ("https://supabase.co.example.com", "", "api"),
        ("https://project.supabase.co", "api", "api"),
        (URL, "public", "public"),
    ],
)
def test_the_schema_of_a_supabase_project_is_public(url: str, schema: str, expected: str) -> None:
    """Unless another is given, in Python or on the command line."""
    flags = [f"--schema={schema}"] if schema else []

    assert expected == Settings(url=url, schema=schema).schema
    assert expected == given(f"--url={url}", *flags).schema


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "localhost:3000"}, "not a web address"),
        ({"url": f"{URL}?a=b"}, "base URL alone"),
        ({"table": ""}, "--table must not be empty"),
        ({"table": "a\n"}, "printable"),
        ({"resolution": "merge"}, "--resolution is 'merge'"),
        ({"insert_first": "always"}, "--insert-first is 'always'"),
        ({"format": "xml"}, "--format is 'xml'"),
        ({"preset": "binance"}, "--preset is 'binance'"),
        ({"decimal": ";"}, "--decimal is ';'"),
        ({"thousands": "x"}, "--thousands is 'x'"),
        ({"thousands": "."}, "--thousands is '.', which stands before the decimals"),
        ({"decimal": ",", "thousands": ","}, "--thousands is ',', which stands before the decimals"),
        ({"date_order": "dym"}, "--date-order is 'dym'"),
        ({"encoding": "rot13"}, "--encoding is 'rot13'"),
        ({"query": "select 1", "source_table": "t"}, "--query and --source-table"),
        ({"id": "txid"}, "--id needs --preset"),
        ({"usd_rates": Path("x")}, "--usd-rates needs --preset"),
        ({"usd_stablecoins": "at-rate"}, "--usd-stablecoins needs --preset"),
        ({"usd_stablecoins": "dollars", "preset": "kraken"}, "--usd-stablecoins is 'dollars'"),
        ({"concurrency": 0}, "--concurrency is 0"),
        ({"batch_bytes": 1023}, "--batch-bytes is 1023"),
        ({"timeout": float("nan")}, "--timeout is nan"),
        ({"retry_for": float("inf")}, "--retry-for is inf"),
    ],
)
def test_wrong_settings_are_refused(changes: dict[str, Any], words: str) -> None:
    """The error names the option, in Python as on the command line."""
    with pytest.raises(SettingsError, match=re.escape(words)):
        Settings(**({"url": URL} | changes))


def test_a_secret_is_not_shown() -> None:
    """The settings may be logged."""
    assert "hush" not in repr(Settings(url=URL, jwt_secret="hush"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", ("a", "b")),
        (" a = b=c ", ("a", "b=c")),
        ("a= b", ("a", " b")),
    ],
)
def test_a_map_is_read(text: str, expected: tuple[str, str]) -> None:
    """Spaces around the `=` are no part of a name; one behind it only is, as headers have names like that."""
    assert expected == parse_map(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NA", ("", "NA")),
        ("", ("", "")),
        ("qty=NA", ("qty", "NA")),
        ("qty=", ("qty", "")),
        ("=x", ("", "=x")),
    ],
)
def test_a_null_is_read(text: str, expected: tuple[str, str]) -> None:
    """For all columns, or for the one before the equals sign."""
    assert expected == parse_null(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("a= b", ("a", " b")), ("a=", ("a", "")), ("a=b=c", ("a", "b=c"))]
)
def test_a_value_of_set_is_taken_as_it_is(text: str, expected: tuple[str, str]) -> None:
    """With its spaces, and it may be empty."""
    assert expected == parse_set(text)


@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (parse_map, "a", "--map is 'a'"),
        (parse_map, "=b", "--map is '=b'"),
        (parse_map, "a=", "--map is 'a='"),
        (parse_set, "=1", "--set is '=1'"),
        (parse_set, "a", "--set is 'a'"),
        (parse_null, "\udcff", "is not UTF-8"),
        (parse_delimiter, "ab", "--delimiter is 'ab'"),
        (parse_delimiter, "; ;", "--delimiter is '; ;'"),
        (parse_header, "a,,b", "--header is 'a,,b'"),
        (parse_header, "a,a", "--header is 'a,a'"),
        (parse_quote, "'", '--quote is "\'"'),
        (parse_comment, " ", "--comment is ' '"),
        (parse_schema, "", "--schema must not be empty"),
        (parse_size, "1X", "'1X' is not a size"),
        (MaxErrors.parse, "101%", "--max-errors is '101%'"),
    ],
)
def test_a_text_that_is_no_value_is_refused(parse: Any, text: str, words: str) -> None:
    """The error shows it."""
    with pytest.raises(SettingsError, match=words):
        parse(text)
