from pathlib import Path

import pytest

from lakehouse.exceptions import ConfigurationError
from lakehouse.partition import Month
from lakehouse.settings import PROJECT_ROOT, Settings, environment, load_settings, variables


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in variables():
        monkeypatch.delenv(variable, raising=False)
    for source in ("TLC", "USERS"):
        monkeypatch.delenv(f"LAKEHOUSE_{source}_URL", raising=False)


def test_everything_has_a_default_that_needs_no_account() -> None:
    settings = load_settings(_env_file=None)
    assert settings.profile == "local"
    assert settings.home == PROJECT_ROOT / "data"
    assert settings.first_month == Month(2024, 1)
    assert settings.memory_limit == "800MB"


def test_a_variable_overrides_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAKEHOUSE_FIRST_MONTH", "2019-07")
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    settings = load_settings(_env_file=None)
    assert settings.first_month == Month(2019, 7)
    assert settings.home == tmp_path


def test_users_come_from_the_public_api_or_from_wherever_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(_env_file=None).addresses == {}
    monkeypatch.setenv("LAKEHOUSE_USERS_URL", "file:///somewhere/users.json")
    assert load_settings(_env_file=None).addresses == {"users": "file:///somewhere/users.json"}


@pytest.mark.parametrize("address", ["postgresql://me:pa55@host/db", "sqlite:////absolute/oltp.db"])
def test_a_database_has_an_address_as_any_source(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("LAKEHOUSE_OLTP_URL", address)
    settings = load_settings(_env_file=None)
    assert settings.addresses == {"oltp": address}
    assert environment(settings)["LAKEHOUSE_OLTP_URL"] == address


def test_the_env_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LAKEHOUSE_FIRST_MONTH=2015-01\nLAKEHOUSE_THREADS=3\n")
    monkeypatch.setenv("LAKEHOUSE_FIRST_MONTH", "2016-01")
    settings = load_settings(_env_file=tmp_path / ".env")
    assert settings.first_month == Month(2016, 1)
    assert settings.threads == 3


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("LAKEHOUSE_FIRST_MONTH", "2009-01", "2011-01, the first month with taxi zones: set it to a later one"),
        ("LAKEHOUSE_FIRST_MONTH", "soon", "write it as YYYY-MM"),
        ("LAKEHOUSE_MEMORY_LIMIT", "lots", "for example 2GB"),
        ("LAKEHOUSE_LARGEST_FILE", "lots", "byte string"),
        ("LAKEHOUSE_LARGEST_FILE", "0GB", "greater than or equal to 1"),
        ("LAKEHOUSE_HTTP_TOTAL", "0", "greater than 0"),
        ("LAKEHOUSE_TLC_URL", "ftp://x", "is not an address; it begins with https://"),
        ("LAKEHOUSE_USERS_URL", "users.json", "is not an address; it begins with https://"),
        ("LAKEHOUSE_OLTP_URL", "mysql://host/db", "of a database with postgresql:// or sqlite:///"),
        ("LAKEHOUSE_THREADS", "100000", "less than or equal to 256"),
        ("LAKEHOUSE_THREADS", "0", "greater than or equal to 1"),
        ("LAKEHOUSE_PROFILE", "aws", "'local' or 'gcp'"),
        ("LAKEHOUSE_HOME", "/tmp/a*b", "which file patterns give a meaning: choose another folder"),  # noqa: S108
        ("LAKEHOUSE_PROJECT", "123456789012", "is a project's number; write its id"),
        ("LAKEHOUSE_PROJECT", "short", "6 to 30 lowercase letters"),
        ("LAKEHOUSE_PROJECT", "a" * 31, "6 to 30 lowercase letters"),
        ("LAKEHOUSE_PROJECT", "My Project", "6 to 30 lowercase letters"),
        ("LAKEHOUSE_PROJECT", "my-project-", "does not end with a hyphen"),
        ("LAKEHOUSE_PROJECT", "1-project", "begins with a letter"),
        ("LAKEHOUSE_BUCKET", "gs://my-bucket/folder", "write the bucket's name alone, without gs://"),
        ("LAKEHOUSE_BUCKET", "My-Bucket", "3 to 63 lowercase letters"),
        ("LAKEHOUSE_BUCKET", "my-bucket/folder", "3 to 63 lowercase letters"),
        ("LAKEHOUSE_BUCKET", "ab", "3 to 63 lowercase letters"),
        ("LAKEHOUSE_BUCKET", "a" * 64, "3 to 63 lowercase letters"),
        ("LAKEHOUSE_BUCKET", f"{'a' * 64}.com", "3 to 63 lowercase letters"),
        ("LAKEHOUSE_BUCKET", "a..b", "3 to 63 lowercase letters"),
        ("LAKEHOUSE_BUCKET", "-bucket", "begins and ends with a letter or digit"),
        ("LAKEHOUSE_BUCKET", "192.168.5.4", "an IP address or called as Google is"),
        ("LAKEHOUSE_BUCKET", "goog-bucket", "an IP address or called as Google is"),
        ("LAKEHOUSE_BUCKET", "my-google-bucket", "an IP address or called as Google is"),
        ("LAKEHOUSE_ICEBERG_CATALOG", "gs://my-lake", "write the bucket's name alone, without gs://"),
        ("LAKEHOUSE_ICEBERG_CATALOG", "My Lake", "is not a catalog's name; one has 3 to 63 lowercase letters"),
        ("LAKEHOUSE_ICEBERG_CATALOG", "my.lake", "it stands between dots in names of tables, and may have none itself"),
        ("LAKEHOUSE_ICEBERG_CATALOG", "goog-lake", "is not a catalog's name; Cloud Storage has none that is an IP"),
        ("LAKEHOUSE_LOCATION", "us-central1-a", "a region (not a zone of it), such as europe-west4"),
        ("LAKEHOUSE_READERS", "ann@example.com", "ann@example.com is not a member of IAM; one is user:, group: or"),
        ("LAKEHOUSE_READERS", "user:ann", "user:ann is not a member of IAM"),
        ("LAKEHOUSE_READERS", "group:a@b.c;group:d@b.c", "there are commas between them"),
        ("LAKEHOUSE_READERS", "domain:ann@example.com", "is not a member of IAM"),
        ("LAKEHOUSE_READERS", "principal://example.com/ann", "is not a member of IAM"),
        ("LAKEHOUSE_READERS", "user:ann@example.com,allUsers", "allUsers would let anybody read"),
        ("LAKEHOUSE_READERS", "allAuthenticatedUsers", "allAuthenticatedUsers would let anybody read"),
        ("LAKEHOUSE_LOCATION", "Europe", "one is US, EU, or a region"),
        ("LAKEHOUSE_PREFIX", "dev-1", "at most 30 lowercase letters, digits and underscores"),
        ("LAKEHOUSE_PREFIX", "1dev", "begins with a letter"),
        ("LAKEHOUSE_PREFIX", "_sample", "begins with a letter"),
        ("LAKEHOUSE_PREFIX", "d" * 31, "at most 30"),
        ("LAKEHOUSE_BYTES_CAP", "9MiB", "greater than or equal to 10485760"),
        ("LAKEHOUSE_BYTES_CAP", "much", "byte string"),
        ("LAKEHOUSE_PRICE_PER_TIB", "-1", "greater than or equal to 0"),
        ("LAKEHOUSE_PRICE_PER_TIB", "inf", "finite number"),
        ("LAKEHOUSE_PRICE_PER_TIB", "6.25 USD", "valid number"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as error:
        load_settings(_env_file=None)
    assert str(error.value).startswith(f"{variable}=")
    assert reason in str(error.value)


@pytest.mark.parametrize(("text", "size"), [("4GB", 4 * 10**9), ("1.5 MiB", 3 << 19), ("800MB", 8 * 10**8)])
def test_the_largest_file_is_a_size(monkeypatch: pytest.MonkeyPatch, text: str, size: int) -> None:
    monkeypatch.setenv("LAKEHOUSE_LARGEST_FILE", text)
    assert load_settings(_env_file=None).largest_file == size


@pytest.mark.parametrize("variable", ["LAKEHOUSE_TLC_URL", "LAKEHOUSE_USERS_URL", "LAKEHOUSE_OLTP_URL"])
@pytest.mark.parametrize("address", ["ftp://me:pa55@host/x", "HTTPS://me:pa55/w?o@host?sig=t0ken", "s3://b?sig=t0ken"])
def test_an_address_of_no_use_is_shown_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch, variable: str, address: str
) -> None:
    monkeypatch.setenv(variable, address)
    with pytest.raises(ConfigurationError) as error:
        load_settings(_env_file=None)
    message = str(error.value)
    assert message.startswith(f"{variable}={address.partition(':')[0]}://")
    for secret in ("me:", "pa55", "t0ken"):
        assert secret not in message


def test_samples_have_a_home_an_instance_and_months_of_their_own(tmp_path: Path) -> None:
    settings = load_settings(
        _env_file=None, sample=True, home=tmp_path / "data", dagster_home=tmp_path / "dagster", sample_port=1234
    )
    assert (settings.home, settings.dagster_home) == (tmp_path / "data" / "sample", tmp_path / "dagster" / "sample")
    assert settings.sample_url == "http://127.0.0.1:1234"
    assert (settings.first_month, settings.last_month) == (Month(2022, 12), Month(2023, 4))


def test_the_settings_of_samples_given_again_stay_the_same(tmp_path: Path) -> None:
    first = load_settings(_env_file=None, sample=True, home=tmp_path / "data", dagster_home=tmp_path / "dagster")
    again = load_settings(_env_file=None, sample=True, home=first.home, dagster_home=first.dagster_home)
    assert again == first


def test_real_data_do_not_go_where_samples_are_kept(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds sample data; choose another for real data"):
        load_settings(_env_file=None, home=tmp_path / "sample")


def test_there_may_be_one_month_only() -> None:
    settings = load_settings(_env_file=None, first_month="2024-01", last_month="2024-01")
    assert (settings.first_month, settings.last_month) == (Month(2024, 1), Month(2024, 1))


def test_the_last_month_is_not_before_the_first() -> None:
    with pytest.raises(ConfigurationError, match="LAKEHOUSE_LAST_MONTH=2023-12: is before LAKEHOUSE_FIRST_MONTH=2024"):
        load_settings(_env_file=None, last_month="2023-12")


def test_an_address_in_the_environment_wins_over_the_env_file_and_an_empty_one_says_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = (
        "LAKEHOUSE_TLC_URL=file:///from/file",
        "LAKEHOUSE_USERS_URL=file:///users",
        "lakehouse_bikes_url=file:///b",
    )
    (tmp_path / ".env").write_text("\n".join(lines))
    monkeypatch.setenv("LAKEHOUSE_TLC_URL", "file:///from/environment")
    monkeypatch.setenv("LAKEHOUSE_USERS_URL", "")
    assert load_settings(_env_file=tmp_path / ".env").addresses == {
        "tlc": "file:///from/environment",
        "users": "file:///users",
        "bikes": "file:///b",
    }


def test_a_process_that_is_given_the_settings_as_its_environment_has_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = load_settings(
        _env_file=None,
        home=tmp_path / "home",
        dagster_home=tmp_path / "dagster",
        addresses={"tlc": "file:///tlc", "users": "http://127.0.0.1:1/users"},
        first_month="2019-02",
        threads=3,
        largest_file="5MB",
        http_total=7.5,
        project="my-project",
        bucket="my-bucket",
        location="EU",
        prefix="dev",
        bytes_cap="1GiB",
        iceberg_catalog="my-lake",
        credentials=tmp_path / "key.json",
    )
    for name, value in environment(given).items():
        monkeypatch.setenv(name, value)
    assert load_settings(_env_file=None) == given


def test_a_setting_that_is_none_is_a_slip_of_the_caller() -> None:
    with pytest.raises(TypeError, match="there is no setting tlc_url"):
        load_settings(_env_file=None, tlc_url="file:///x")


@pytest.mark.parametrize("address", ["https:/me:pa55@host/x", "me:pa55@host/x?sig=t0ken"])
def test_an_address_that_is_none_at_all_is_shown_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("LAKEHOUSE_TLC_URL", address)
    with pytest.raises(ConfigurationError) as error:
        load_settings(_env_file=None)
    assert "host/x" in str(error.value)
    for secret in ("me:", "pa55", "t0ken"):
        assert secret not in str(error.value)


def test_addresses_are_not_read_from_a_variable_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_ADDRESSES", "garbage")
    with pytest.raises(ConfigurationError, match="LAKEHOUSE_ADDRESSES=garbage"):
        load_settings(_env_file=None)


def test_nothing_of_google_is_asked_for_by_default() -> None:
    settings = load_settings(_env_file=None)
    assert (settings.project, settings.bucket, settings.credentials, settings.prefix) == (None, None, None, "")
    assert (settings.location, settings.bytes_cap) == ("US", 20 * 1024**3)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PROJECT", "my-project-123"),
        ("PROJECT", "a" * 30),
        ("BUCKET", "my_bucket-1"),
        ("BUCKET", "a" * 63),
        ("BUCKET", f"{'a' * 63}.example.com"),
        ("ICEBERG_CATALOG", "my-lake_1"),
        ("LOCATION", "EU"),
        ("LOCATION", "northamerica-northeast1"),
        ("PREFIX", "d" * 30),
        ("BYTES_CAP", "10485760"),
    ],
)
def test_what_google_calls_things_by_its_own_rules_is_taken(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(f"LAKEHOUSE_{variable}", value)
    assert str(getattr(load_settings(_env_file=None), variable.lower())) == value


@pytest.mark.parametrize(("given", "meant"), [("us", "US"), ("Europe-West4", "europe-west4")])
def test_a_location_is_written_as_google_writes_it(monkeypatch: pytest.MonkeyPatch, given: str, meant: str) -> None:
    monkeypatch.setenv("LAKEHOUSE_LOCATION", given)
    assert load_settings(_env_file=None).location == meant


@pytest.mark.parametrize(
    "value",
    ['{"type": "service_account", "private_key": "s3cret"}', "-----BEGIN PRIVATE KEY-----\ns3cret", "s3cret/" * 300],
)
def test_a_key_in_place_of_its_file_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LAKEHOUSE_CREDENTIALS", value)
    with pytest.raises(ConfigurationError, match=r"LAKEHOUSE_CREDENTIALS=\.\.\.: is not a path") as error:
        load_settings(_env_file=None)
    assert "s3cret" not in str(error.value)


def in_cloud(tmp_path: Path, **overrides: object) -> Settings:
    return load_settings(
        _env_file=None, profile="gcp", home=tmp_path / "data", dagster_home=tmp_path / "dagster", **overrides
    )


@pytest.mark.parametrize("prefix", ["dev", "d" * 30])
def test_samples_in_the_cloud_are_set_apart_by_their_prefix(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, prefix: str
) -> None:
    settings = in_cloud(tmp_path, sample=True, prefix=prefix)
    assert settings.prefix == f"{prefix}_sample"
    assert settings.home == tmp_path / "data" / "sample"
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert load_settings(_env_file=None) == settings


def test_samples_in_the_cloud_without_a_prefix_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is none; set LAKEHOUSE_PREFIX, for example to dev"):
        in_cloud(tmp_path, sample=True)


@pytest.mark.parametrize("prefix", ["sample", "dev_sample"])
def test_real_data_do_not_go_where_samples_are_kept_in_the_cloud(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(ConfigurationError, match=f"LAKEHOUSE_PREFIX={prefix}: what is called so is sample data"):
        in_cloud(tmp_path, prefix=prefix)
    assert in_cloud(tmp_path, prefix=prefix, sample=True).prefix == prefix


def test_a_prefix_says_nothing_of_samples_on_this_machine(tmp_path: Path) -> None:
    home, dagster_home = tmp_path / "data", tmp_path / "dagster"
    settings = load_settings(_env_file=None, home=home, dagster_home=dagster_home, prefix="dev_sample")
    assert (settings.sample, settings.prefix) == (False, "dev_sample")
    assert load_settings(_env_file=None, home=home, dagster_home=dagster_home, sample=True).prefix == ""
