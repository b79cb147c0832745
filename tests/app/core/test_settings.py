"""What an installation may choose together."""

from pathlib import Path

import pytest

from app.core.settings import Settings, SettingsError

NEEDED = {
    "FILMPASS_DATABASE_URL": "postgresql+psycopg://filmpass_app@/filmpass",
    "FILMPASS_DATA_FOLDER": "/var/lib/filmpass/objects",
    "FILMPASS_KEYS_FOLDER": "/etc/filmpass/keys",
    "FILMPASS_PUBLIC_URL": "https://films.example.org",
}


def test_objects_go_into_a_folder_or_into_a_store():
    without = {name: value for name, value in NEEDED.items() if name != "FILMPASS_DATA_FOLDER"}
    assert Settings.from_env(NEEDED).data_folder == Path("/var/lib/filmpass/objects")
    assert Settings.from_env(without | {"FILMPASS_OBJECT_STORE": "s3://films/one"}).object_store == "s3://films/one"
    with pytest.raises(SettingsError, match="FILMPASS_DATA_FOLDER"):
        Settings.from_env(without)


@pytest.mark.parametrize(
    "store", ["films", "s3://", "s3://Films", "https://store.example/films", "s3://films?x", "s3://a/ b"]
)
def test_a_store_has_the_form_of_a_bucket_and_a_prefix(store):
    with pytest.raises(SettingsError, match="s3://bucket"):
        Settings.from_env(NEEDED | {"FILMPASS_OBJECT_STORE": store})


def test_a_store_of_several_hosts_does_not_go_with_the_database_of_one():
    sqlite = {"FILMPASS_DATABASE_URL": "sqlite:////var/lib/filmpass/filmpass.db", "FILMPASS_OBJECT_STORE": "s3://films"}
    with pytest.raises(SettingsError, match="PostgreSQL"):
        Settings.from_env(NEEDED | sqlite)
