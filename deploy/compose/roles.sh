#!/bin/sh
# Run once by the database's image, on an empty folder: the owner, and the application that is neither owner nor superuser.
set -eu
psql --set ON_ERROR_STOP=1 --set owner="$OWNER_PASSWORD" --set app="$APP_PASSWORD" --username postgres <<'SQL'
CREATE ROLE filmpass_owner LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'owner';
CREATE ROLE filmpass_app LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'app';
CREATE DATABASE filmpass OWNER filmpass_owner ENCODING 'UTF8' TEMPLATE template0;
SQL
