"""Addresses of object stores are told from paths, and never take a password along."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from imgprep.errors import RequestError
from imgprep.util.addresses import absolute, address_of, check_local, is_address, without_secrets


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the extra is installed."""
    there = importlib.util.find_spec

    def find_spec(name: str, *others: Any) -> Any:
        return None if name in {"obstore", "fsspec"} else there(name, *others)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


@pytest.mark.parametrize(
    ("text", "scheme", "bucket", "key"),
    [
        ("s3://bucket/a/b", "s3", "bucket", "a/b"),
        ("s3://bucket", "s3", "bucket", ""),
        ("GS://bucket//a/", "gs", "bucket", "a"),
        ("az://container/a b/ü.png", "az", "container", "a b/ü.png"),
        ("http://127.0.0.1:9000/a", "http", "127.0.0.1:9000", "a"),
    ],
)
def test_an_address_survives_being_a_path(text: str, scheme: str, bucket: str, key: str) -> None:
    for given in (text, Path(text)):
        address = address_of(given)
        assert address == (scheme, bucket, key)
    assert address_of(address.path) == address
    assert absolute(Path(text)) == Path(text)


@pytest.mark.parametrize(
    "text", ["C:/data", r"C:\data", "12:30/x.png", "a:b.png", "a b:/c", "/data/s3:/b", "./s3:/b", "s3:"]
)
def test_drives_and_names_with_a_colon_are_no_addresses(text: str) -> None:
    assert not is_address(text)
    assert address_of(text) is None
    check_local(text)
    assert absolute(Path("a:b.png")) == Path.cwd() / "a:b.png"


@pytest.mark.parametrize(
    "text",
    ["s3://me:hush@bucket/a", "s3://hush@bucket/a", "https://host/a?X-Amz-Signature=hush", "gs://bucket?hush"],
)
def test_secrets_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(RequestError, match="credentials by the environment") as refused:
        address_of(text)
    assert "hush" not in str(refused.value)
    assert "hush" not in without_secrets(f"--set source.path={text}")


@pytest.mark.parametrize("text", ["s3://", "s3://bucket/../other", "s3://./a", "s3:///"])
def test_what_leads_nowhere_is_refused(text: str) -> None:
    if is_address(text):
        with pytest.raises(RequestError, match="is no address"):
            address_of(text)


def test_unknown_schemes_are_named() -> None:
    with pytest.raises(RequestError, match=r"s4://bucket: unknown scheme 's4'; did you mean 's3'\?"):
        check_local("s4://bucket")
    with pytest.raises(RequestError, match=r"unknown scheme 'nowhere'; known are s3, .*gs, .*az"):
        check_local(Path("nowhere://bucket/a"))


@pytest.mark.usefixtures("without_extra")
def test_without_the_extra_it_is_named() -> None:
    with pytest.raises(RequestError, match=r"^s3://bucket/a: .*pip install 'imgprep\[cloud\]'; or download it$"):
        check_local(Path("s3://bucket/a"))
    with pytest.raises(RequestError, match="unknown scheme 'sftp'"):
        check_local("sftp://host/a")
