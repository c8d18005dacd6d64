"""Credentials of AWS in the files of the provider, which obstore does not read by itself."""

import configparser
import os
from pathlib import Path
from typing import Final

_ELSEWHERE: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_KEYS: Final = {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
}
_SETTINGS: Final = {
    "region": ("region", "AWS_REGION", "AWS_DEFAULT_REGION"),
    "endpoint_url": ("endpoint", "AWS_ENDPOINT_URL"),
}


def from_files() -> dict[str, str]:
    """Options of obstore from ``~/.aws/credentials`` and ``~/.aws/config``, for what the environment does not say.

    The profile is that of ``AWS_PROFILE``, or ``default``; ``AWS_SHARED_CREDENTIALS_FILE`` and ``AWS_CONFIG_FILE`` name
    other files.
    """
    profile = os.environ.get("AWS_PROFILE") or "default"
    secrets = _section("AWS_SHARED_CREDENTIALS_FILE", "credentials", profile)
    config = _section("AWS_CONFIG_FILE", "config", profile if profile == "default" else f"profile {profile}")
    found = {}
    if not any(os.environ.get(name) for name in _ELSEWHERE):
        both = config | secrets
        found = {option: both[key] for key, option in _KEYS.items() if key in both}
    for key, (option, *variables) in _SETTINGS.items():
        value = (config | secrets).get(key)
        if value and not any(os.environ.get(name) for name in variables):
            found[option] = value
    return found


def _section(variable: str, name: str, section: str) -> dict[str, str]:
    try:
        path = Path(os.environ.get(variable) or Path.home() / ".aws" / name)
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(path, "utf-8")
    except (RuntimeError, OSError, ValueError, configparser.Error):
        return {}
    return dict(parser[section]) if parser.has_section(section) else {}
