"""Secrets from files: ``JWT_SECRET_FILE=/run/secrets/jwt`` instead of ``JWT_SECRET=…``, as containers get them."""

import errno
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from penstock_kit.plain_file import read_plain_file
from penstock_kit.redaction import is_secret_name

SUFFIX: Final = "_FILE"
_LARGEST: Final = 64 * 1024


def secret_names(cls: type[BaseSettings]) -> dict[str, str]:
    """Return the settings of `cls` that may come from a file, by field: secrets, and addresses that may hold one."""
    aliases = {str(field.alias) for field in cls.model_fields.values()}
    return {
        name: str(field.alias)
        for name, field in cls.model_fields.items()
        if field.alias and _is_secret(field) and f"{field.alias}{SUFFIX}" not in aliases
    }


class SecretFiles(PydanticBaseSettingsSource):
    """Reads ``NAME_FILE`` for each secret setting NAME of a class; ``NAME`` itself, when it is set too, is an error.

    One newline at the file's end is not part of the secret; an empty file is an error, so that a secret that was not
    mounted is not taken for one that is unset.
    """

    def __init__(self, cls: type[BaseSettings], *environments: PydanticBaseSettingsSource) -> None:
        super().__init__(cls)
        self._values: dict[str, str | None] = {}
        for environment in reversed(environments):
            if isinstance(environment, EnvSettingsSource):
                self._values |= {name.lower(): value for name, value in environment.env_vars.items()}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return a field's value; all of them come at once, from the call."""
        del field
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the secrets by setting name. Raises ValidationError with a line for each that can't be had."""
        found: dict[str, str] = {}
        problems: list[InitErrorDetails] = []
        for alias in secret_names(self.settings_cls).values():
            path = self._values.get(f"{alias}{SUFFIX}".lower())
            if not path:
                continue
            secret, problem = _read(Path(path))
            if self._values.get(alias.lower()):
                problem = f"{alias} is set too; set one of them"
            if problem:
                kind = PydanticCustomError("secret_file", "{why}", {"why": problem})
                problems.append(InitErrorDetails(type=kind, loc=(f"{alias}{SUFFIX}",), input=path))
            found[alias] = secret
        if problems:
            raise ValidationError.from_exception_data(self.settings_cls.__name__, problems)
        return found


def _read(path: Path) -> tuple[str, str]:
    """Return the secret in a file, and what is wrong with it."""
    try:
        text = read_plain_file(path, most=_LARGEST).decode()
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) == errno.EFBIG:
            return "", f"the file has more than {_LARGEST // 1024} KiB, which is no secret"
        return "", f"the file can't be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
    secret = text.removesuffix("\n").removesuffix("\r")
    return secret, "" if secret.strip() else "the file is empty"


def _is_secret(field: FieldInfo) -> bool:
    return field.annotation is SecretStr or (field.annotation is str and is_secret_name(str(field.alias)))
