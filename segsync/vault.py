"""Secrets: what channels gave us is encrypted at rest, and digests are made with a key that only this installation has."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

MEMBERS = "member digests"
"""The purpose of the digests that tell whether a member's fields changed."""


class VaultLocked(Exception):  # noqa: N818 - read aloud as "the vault is locked"
    """What was sealed cannot be opened with the keys at hand, or the keys cannot be used."""


class Vault:
    """Seals and opens. `keys` gives the keys, newest first, and is asked again when one is missing: somebody may have rotated.

    `root` gives the installation's secret for digests: it stays the same when keys are rotated.
    """

    def __init__(self, keys: Callable[[], Sequence[str]], root: Callable[[], str]) -> None:
        self._keys = keys
        self._root = root
        self._box = _box(keys())
        self._secret: bytes | None = None

    def reload(self) -> None:
        """Looks at the keys again."""
        self._box = _box(self._keys())

    def seal(self, secret: str | bytes) -> str:
        """Encrypted with the newest key."""
        return self._box.encrypt(secret.encode() if isinstance(secret, str) else secret).decode()

    def open(self, sealed: str) -> str:
        """What was sealed. Raises VaultLocked."""
        try:
            return self._box.decrypt(sealed).decode()
        except InvalidToken:
            self.reload()
        try:
            return self._box.decrypt(sealed).decode()
        except InvalidToken:
            raise VaultLocked(
                "A stored secret cannot be opened with the keys of this installation. "
                "Give the key that it was sealed with in SEGSYNC_VAULT_KEYS, or put the data folder's vault.keys back."
            ) from None

    def rotate(self, sealed: str) -> str:
        """The same secret, sealed again with the newest key. Raises VaultLocked."""
        return self.seal(self.open(sealed))

    def keyed_digest(self, purpose: str, text: str) -> str:
        """64 hex digits that nobody without this installation's secret can compute; purposes never share digests."""
        return hmac.new(self._key(purpose), text.encode(), hashlib.sha256).hexdigest()

    def digest_secret(self) -> str:
        """64 hex digits that go before members' fields when DuckDB digests them. It never changes by itself."""
        return self._key(MEMBERS).hex()

    def _key(self, purpose: str) -> bytes:
        if self._secret is None:
            self._secret = self._root().encode()
        return hmac.new(self._secret, purpose.encode(), hashlib.sha256).digest()


def _box(keys: Sequence[str]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise VaultLocked(
            "SEGSYNC_VAULT_KEYS cannot be used: each key is 32 random bytes in URL-safe base64, "
            "as `segsync vault new-key` prints one."
        ) from None


def vault_keys(configured: str, data: Path) -> list[str]:
    """The keys, newest first: those configured, else those of the data folder, where one is made the first time."""
    if configured:
        return [key.strip() for key in configured.split(",") if key.strip()]
    return kept(key_file(data), new_key).split()


def key_file(data: Path) -> Path:
    """Where generated keys are kept, newest first, one a line."""
    return data / "vault.keys"


def new_key() -> str:
    """A fresh key."""
    return Fernet.generate_key().decode()


def session_secret(configured: str, data: Path) -> str:
    """What signs sessions: as configured, else kept in the data folder."""
    return configured or kept(data / "session.key", lambda: secrets.token_urlsafe(48))


def kept(path: Path, make: Callable[[], str]) -> str:
    """The text of a private file; made once, even when two commands start at the same moment."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        write_private(fresh, make())
        try:
            os.link(fresh, path)  # fails where another was quicker: then its text counts
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text(encoding="utf-8").strip()


def replace_private(path: Path, text: str) -> None:
    """Another text for a private file, complete or not at all."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    write_private(fresh, text)
    fresh.replace(path)


def write_private(path: Path, text: str) -> None:
    """A new file that only we can read, on the disk before this returns."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
