"""Small values are sealed so that equal ones do not look alike, and key files outlast a power cut."""

import pytest

from app.core.crypto import KINDS, KeyProblem, create_key_files, seal, unseal

KEY = bytes(range(32))


def test_what_is_sealed_opens_in_its_place_alone():
    sealed = seal(KEY, b"+8613800138000", "contact")
    assert unseal(KEY, sealed, "contact") == b"+8613800138000"
    for key, value, context in (
        (KEY, sealed, "id-number"),
        (KEY[::-1], sealed, "contact"),
        (KEY, sealed[:-1] + bytes([sealed[-1] ^ 1]), "contact"),
    ):
        with pytest.raises(KeyProblem):
            unseal(key, value, context)


def test_no_two_sealings_share_a_nonce():
    assert len({seal(KEY, b"the same", "contact")[:12] for _ in range(1000)}) == 1000


def test_key_files_and_their_names_are_synced(tmp_path, synced):
    made = create_key_files(tmp_path / "keys")
    assert [name.partition("-")[0] for name in made] == list(KINDS)
    assert synced[: len(made) + 2] == [*(tmp_path / "keys" / name for name in made), tmp_path / "keys", tmp_path]
