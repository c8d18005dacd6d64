"""The files of AWS say what the environment does not."""

from pathlib import Path

import pytest

from imgprep.storage.credentials import from_files


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two profiles, and an environment that says nothing."""
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = one\naws_secret_access_key = p%1\n"
        "[lab]\naws_access_key_id = two\naws_secret_access_key = b\naws_session_token = t\n"
    )
    (tmp_path / "config").write_text(
        "[default]\nregion = eu-west-1\n[profile lab]\nregion = us-west-2\nendpoint_url = http://127.0.0.1:9000\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


def test_the_default_profile() -> None:
    assert from_files() == {"access_key_id": "one", "secret_access_key": "p%1", "region": "eu-west-1"}


def test_another_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "lab")
    keys = {"access_key_id": "two", "secret_access_key": "b", "session_token": "t"}
    assert from_files() == keys | {"region": "us-west-2", "endpoint": "http://127.0.0.1:9000"}


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"])
def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "given")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert from_files() == {}


def test_no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    (tmp_path / "config").write_bytes(b"\xff no file of settings")
    assert from_files() == {}
