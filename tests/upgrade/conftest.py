"""The kept release on each database."""

import pytest

from tests.upgrade.kept import kept_on_postgresql, kept_on_sqlite


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def kept(request, tmp_path):
    """The release before, on each database, not migrated yet."""
    if request.param == "sqlite":
        with kept_on_sqlite(tmp_path / "kept") as installation:
            yield installation
    else:
        with kept_on_postgresql(tmp_path / "kept", request.getfixturevalue("postgres_server")) as installation:
            yield installation
