


SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;


CREATE FUNCTION public.filmpass_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME; END $$;


ALTER FUNCTION public.filmpass_append_only() OWNER TO filmpass_owner;

SET default_tablespace = '';

SET default_table_access_method = heap;


CREATE TABLE public.access_token (
    digest bytea NOT NULL,
    hospital_id uuid NOT NULL,
    capability_id uuid NOT NULL,
    channel text NOT NULL,
    attempt_id uuid,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.access_token FORCE ROW LEVEL SECURITY;


ALTER TABLE public.access_token OWNER TO filmpass_owner;


CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


ALTER TABLE public.alembic_version OWNER TO filmpass_owner;


CREATE TABLE public.api_key (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    label text NOT NULL,
    credential_digest bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone
);

ALTER TABLE ONLY public.api_key FORCE ROW LEVEL SECURITY;


ALTER TABLE public.api_key OWNER TO filmpass_owner;


CREATE TABLE public.audit_checkpoint (
    id uuid NOT NULL,
    size integer NOT NULL,
    root bytea NOT NULL,
    frontier bytea NOT NULL,
    previous_root bytea NOT NULL,
    signature bytea NOT NULL,
    key_id text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.audit_checkpoint FORCE ROW LEVEL SECURITY;


ALTER TABLE public.audit_checkpoint OWNER TO filmpass_owner;


CREATE TABLE public.audit_event (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    hospital_id uuid,
    patient_id uuid,
    actor text NOT NULL,
    on_behalf_of text,
    action text NOT NULL,
    resource text NOT NULL,
    outcome text NOT NULL,
    reason text,
    detail_sealed bytea NOT NULL,
    salt bytea NOT NULL,
    commitment bytea NOT NULL
);

ALTER TABLE ONLY public.audit_event FORCE ROW LEVEL SECURITY;


ALTER TABLE public.audit_event OWNER TO filmpass_owner;


CREATE TABLE public.audit_leaf (
    "position" integer NOT NULL,
    event_id uuid NOT NULL,
    checkpoint_id uuid NOT NULL,
    leaf_hash bytea NOT NULL
);

ALTER TABLE ONLY public.audit_leaf FORCE ROW LEVEL SECURITY;


ALTER TABLE public.audit_leaf OWNER TO filmpass_owner;


CREATE TABLE public.capability (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    kind text NOT NULL,
    public_id text NOT NULL,
    patient_id uuid NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    revoked_reason text,
    tries_left integer NOT NULL,
    tries_total integer NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.capability FORCE ROW LEVEL SECURITY;


ALTER TABLE public.capability OWNER TO filmpass_owner;


CREATE TABLE public.capability_study (
    capability_id uuid NOT NULL,
    study_id uuid NOT NULL,
    hospital_id uuid NOT NULL
);

ALTER TABLE ONLY public.capability_study FORCE ROW LEVEL SECURITY;


ALTER TABLE public.capability_study OWNER TO filmpass_owner;


CREATE TABLE public.contact_point (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    kind text NOT NULL,
    value_sealed bytea NOT NULL,
    value_index bytea NOT NULL,
    index_key_id text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    refused_at timestamp with time zone,
    ended_at timestamp with time zone
);

ALTER TABLE ONLY public.contact_point FORCE ROW LEVEL SECURITY;


ALTER TABLE public.contact_point OWNER TO filmpass_owner;


CREATE TABLE public.delivery_attempt (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    notification_id uuid NOT NULL,
    channel text NOT NULL,
    number integer NOT NULL,
    provider_reference text,
    state text NOT NULL,
    provider_status text,
    error_code text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.delivery_attempt FORCE ROW LEVEL SECURITY;


ALTER TABLE public.delivery_attempt OWNER TO filmpass_owner;


CREATE TABLE public.delivery_receipt (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    attempt_id uuid NOT NULL,
    provider_status text NOT NULL,
    payload_sealed bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.delivery_receipt FORCE ROW LEVEL SECURITY;


ALTER TABLE public.delivery_receipt OWNER TO filmpass_owner;


CREATE TABLE public.hospital (
    id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    message_name text NOT NULL,
    time_zone text NOT NULL,
    telephone text NOT NULL,
    telephone_hours text,
    language text NOT NULL,
    policy json NOT NULL,
    live_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.hospital FORCE ROW LEVEL SECURITY;


ALTER TABLE public.hospital OWNER TO filmpass_owner;


CREATE TABLE public.hospital_key (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    version integer NOT NULL,
    root_key_id text NOT NULL,
    wrapped bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.hospital_key FORCE ROW LEVEL SECURITY;


ALTER TABLE public.hospital_key OWNER TO filmpass_owner;


CREATE TABLE public.idempotency_key (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    api_key_id uuid NOT NULL,
    key text NOT NULL,
    request_digest bytea NOT NULL,
    status integer NOT NULL,
    response text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.idempotency_key FORCE ROW LEVEL SECURITY;


ALTER TABLE public.idempotency_key OWNER TO filmpass_owner;


CREATE TABLE public.imaging_source (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    called_ae_title text NOT NULL,
    calling_ae_title text NOT NULL,
    network text NOT NULL,
    default_issuer text NOT NULL,
    replace_policy text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.imaging_source FORCE ROW LEVEL SECURITY;


ALTER TABLE public.imaging_source OWNER TO filmpass_owner;


CREATE TABLE public.instance (
    study_id uuid NOT NULL,
    sop_instance_uid character varying(64) NOT NULL,
    hospital_id uuid NOT NULL,
    series_id uuid NOT NULL,
    sop_class_uid character varying(64) NOT NULL,
    number integer,
    current_digest bytea NOT NULL
)
PARTITION BY HASH (study_id);

ALTER TABLE ONLY public.instance FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance OWNER TO filmpass_owner;


CREATE TABLE public.instance_00 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_00 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_00 OWNER TO filmpass_owner;


CREATE TABLE public.instance_01 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_01 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_01 OWNER TO filmpass_owner;


CREATE TABLE public.instance_02 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_02 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_02 OWNER TO filmpass_owner;


CREATE TABLE public.instance_03 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_03 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_03 OWNER TO filmpass_owner;


CREATE TABLE public.instance_04 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_04 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_04 OWNER TO filmpass_owner;


CREATE TABLE public.instance_05 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_05 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_05 OWNER TO filmpass_owner;


CREATE TABLE public.instance_06 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_06 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_06 OWNER TO filmpass_owner;


CREATE TABLE public.instance_07 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_07 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_07 OWNER TO filmpass_owner;


CREATE TABLE public.instance_08 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_08 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_08 OWNER TO filmpass_owner;


CREATE TABLE public.instance_09 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_09 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_09 OWNER TO filmpass_owner;


CREATE TABLE public.instance_10 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_10 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_10 OWNER TO filmpass_owner;


CREATE TABLE public.instance_11 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_11 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_11 OWNER TO filmpass_owner;


CREATE TABLE public.instance_12 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_12 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_12 OWNER TO filmpass_owner;


CREATE TABLE public.instance_13 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_13 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_13 OWNER TO filmpass_owner;


CREATE TABLE public.instance_14 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_14 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_14 OWNER TO filmpass_owner;


CREATE TABLE public.instance_15 (
    study_id uuid CONSTRAINT instance_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_sop_instance_uid_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_hospital_id_not_null NOT NULL,
    series_id uuid CONSTRAINT instance_series_id_not_null NOT NULL,
    sop_class_uid character varying(64) CONSTRAINT instance_sop_class_uid_not_null NOT NULL,
    number integer,
    current_digest bytea CONSTRAINT instance_current_digest_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_15 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_15 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version (
    study_id uuid NOT NULL,
    sop_instance_uid character varying(64) NOT NULL,
    dataset_digest bytea NOT NULL,
    hospital_id uuid NOT NULL,
    transfer_syntax_uid character varying(64) NOT NULL,
    object_id uuid NOT NULL,
    source_id uuid,
    flagged boolean NOT NULL,
    received_at timestamp with time zone NOT NULL
)
PARTITION BY HASH (study_id);

ALTER TABLE ONLY public.instance_version FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_00 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_00 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_00 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_01 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_01 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_01 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_02 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_02 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_02 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_03 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_03 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_03 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_04 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_04 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_04 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_05 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_05 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_05 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_06 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_06 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_06 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_07 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_07 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_07 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_08 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_08 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_08 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_09 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_09 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_09 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_10 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_10 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_10 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_11 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_11 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_11 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_12 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_12 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_12 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_13 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_13 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_13 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_14 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_14 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_14 OWNER TO filmpass_owner;


CREATE TABLE public.instance_version_15 (
    study_id uuid CONSTRAINT instance_version_study_id_not_null NOT NULL,
    sop_instance_uid character varying(64) CONSTRAINT instance_version_sop_instance_uid_not_null NOT NULL,
    dataset_digest bytea CONSTRAINT instance_version_dataset_digest_not_null NOT NULL,
    hospital_id uuid CONSTRAINT instance_version_hospital_id_not_null NOT NULL,
    transfer_syntax_uid character varying(64) CONSTRAINT instance_version_transfer_syntax_uid_not_null NOT NULL,
    object_id uuid CONSTRAINT instance_version_object_id_not_null NOT NULL,
    source_id uuid,
    flagged boolean CONSTRAINT instance_version_flagged_not_null NOT NULL,
    received_at timestamp with time zone CONSTRAINT instance_version_received_at_not_null NOT NULL
);

ALTER TABLE ONLY public.instance_version_15 FORCE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_15 OWNER TO filmpass_owner;


CREATE TABLE public.manifest_entry (
    study_id uuid NOT NULL,
    sop_instance_uid character varying(64) NOT NULL,
    hospital_id uuid NOT NULL
);

ALTER TABLE ONLY public.manifest_entry FORCE ROW LEVEL SECURITY;


ALTER TABLE public.manifest_entry OWNER TO filmpass_owner;


CREATE TABLE public.notification (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    kind text NOT NULL,
    subject_id uuid NOT NULL,
    subject_revision integer NOT NULL,
    contact_id uuid NOT NULL,
    template text NOT NULL,
    parameters json NOT NULL,
    language text NOT NULL,
    urgent boolean NOT NULL,
    not_before timestamp with time zone NOT NULL,
    state text NOT NULL,
    reason text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.notification FORCE ROW LEVEL SECURITY;


ALTER TABLE public.notification OWNER TO filmpass_owner;


CREATE TABLE public.opening (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    session_digest bytea NOT NULL,
    capability_id uuid NOT NULL,
    study_id uuid NOT NULL,
    action text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.opening FORCE ROW LEVEL SECURITY;


ALTER TABLE public.opening OWNER TO filmpass_owner;


CREATE TABLE public.outbox (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    lease_until timestamp with time zone,
    claim uuid,
    tries integer NOT NULL,
    error text,
    closed_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.outbox FORCE ROW LEVEL SECURITY;


ALTER TABLE public.outbox OWNER TO filmpass_owner;


CREATE TABLE public.patient (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    name text NOT NULL,
    name_groups json NOT NULL,
    birth_date date,
    sex text,
    id_number_sealed bytea,
    language text,
    deceased boolean NOT NULL,
    protected boolean NOT NULL,
    opted_out boolean NOT NULL,
    after_my_doctor boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.patient FORCE ROW LEVEL SECURITY;


ALTER TABLE public.patient OWNER TO filmpass_owner;


CREATE TABLE public.patient_identifier (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    issuer text NOT NULL,
    value text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.patient_identifier FORCE ROW LEVEL SECURITY;


ALTER TABLE public.patient_identifier OWNER TO filmpass_owner;


CREATE TABLE public.quarantine (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    source_id uuid,
    door text NOT NULL,
    reason_code integer NOT NULL,
    reason text NOT NULL,
    object_id uuid,
    size bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    resolved_at timestamp with time zone
);

ALTER TABLE ONLY public.quarantine FORCE ROW LEVEL SECURITY;


ALTER TABLE public.quarantine OWNER TO filmpass_owner;


CREATE TABLE public.report (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    number text NOT NULL,
    version integer NOT NULL,
    status text NOT NULL,
    service_request_id uuid NOT NULL,
    content_sealed bytea NOT NULL,
    pdf_object_id uuid,
    issued_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.report FORCE ROW LEVEL SECURITY;


ALTER TABLE public.report OWNER TO filmpass_owner;


CREATE TABLE public.series (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    study_id uuid NOT NULL,
    series_instance_uid character varying(64) NOT NULL,
    modality text NOT NULL,
    number integer,
    description_sealed bytea,
    changes integer NOT NULL,
    preview_object_id uuid,
    preview_changes integer NOT NULL,
    picture_count integer NOT NULL,
    shown_count integer NOT NULL,
    not_shown_reason text,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.series FORCE ROW LEVEL SECURITY;


ALTER TABLE public.series OWNER TO filmpass_owner;


CREATE TABLE public.service_request (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    issuer text NOT NULL,
    accession_number text NOT NULL,
    visit_number_sealed bytea,
    procedure_sealed bytea NOT NULL,
    procedure_code text,
    priority text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.service_request FORCE ROW LEVEL SECURITY;


ALTER TABLE public.service_request OWNER TO filmpass_owner;


CREATE TABLE public.session (
    digest bytea NOT NULL,
    hospital_id uuid NOT NULL,
    capability_id uuid NOT NULL,
    assurance text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.session FORCE ROW LEVEL SECURITY;


ALTER TABLE public.session OWNER TO filmpass_owner;


CREATE TABLE public.stored_object (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    study_id uuid,
    hospital_key_id uuid,
    purpose text NOT NULL,
    pack_id uuid NOT NULL,
    pack_offset bigint NOT NULL,
    size bigint NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.stored_object FORCE ROW LEVEL SECURITY;


ALTER TABLE public.stored_object OWNER TO filmpass_owner;


CREATE TABLE public.study (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    study_instance_uid character varying(64) NOT NULL,
    patient_id uuid,
    service_request_id uuid,
    state text NOT NULL,
    revision integer NOT NULL,
    consequence integer NOT NULL,
    announced_revision integer NOT NULL,
    announced_incomplete boolean NOT NULL,
    unmatched_reason text,
    kept_apart_from uuid,
    held_at timestamp with time zone,
    held_reason text,
    doctor_released_at timestamp with time zone,
    dicom_patient_id text NOT NULL,
    dicom_issuer text NOT NULL,
    dicom_patient_name text NOT NULL,
    dicom_birth_date text NOT NULL,
    accession_number text NOT NULL,
    study_date text NOT NULL,
    study_time text NOT NULL,
    description_sealed bytea,
    local_date date,
    identity_conflict boolean NOT NULL,
    expected_instances integer,
    completed_by text,
    complete_at timestamp with time zone,
    last_arrival_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.study FORCE ROW LEVEL SECURITY;


ALTER TABLE public.study OWNER TO filmpass_owner;


CREATE TABLE public.study_key (
    study_id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    hospital_key_id uuid NOT NULL,
    wrapped bytea,
    destroyed_at timestamp with time zone
);

ALTER TABLE ONLY public.study_key FORCE ROW LEVEL SECURITY;


ALTER TABLE public.study_key OWNER TO filmpass_owner;


CREATE TABLE public.suppression (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    value_index bytea NOT NULL,
    channel text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.suppression FORCE ROW LEVEL SECURITY;


ALTER TABLE public.suppression OWNER TO filmpass_owner;


CREATE TABLE public.trial_number (
    id uuid NOT NULL,
    hospital_id uuid NOT NULL,
    value_index bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.trial_number FORCE ROW LEVEL SECURITY;


ALTER TABLE public.trial_number OWNER TO filmpass_owner;


ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_00 FOR VALUES WITH (modulus 16, remainder 0);



ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_01 FOR VALUES WITH (modulus 16, remainder 1);



ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_02 FOR VALUES WITH (modulus 16, remainder 2);



ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_03 FOR VALUES WITH (modulus 16, remainder 3);



ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_04 FOR VALUES WITH (modulus 16, remainder 4);



ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_05 FOR VALUES WITH (modulus 16, remainder 5);



ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_06 FOR VALUES WITH (modulus 16, remainder 6);



ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_07 FOR VALUES WITH (modulus 16, remainder 7);



ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_08 FOR VALUES WITH (modulus 16, remainder 8);



ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_09 FOR VALUES WITH (modulus 16, remainder 9);



ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_10 FOR VALUES WITH (modulus 16, remainder 10);



ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_11 FOR VALUES WITH (modulus 16, remainder 11);



ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_12 FOR VALUES WITH (modulus 16, remainder 12);



ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_13 FOR VALUES WITH (modulus 16, remainder 13);



ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_14 FOR VALUES WITH (modulus 16, remainder 14);



ALTER TABLE ONLY public.instance ATTACH PARTITION public.instance_15 FOR VALUES WITH (modulus 16, remainder 15);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_00 FOR VALUES WITH (modulus 16, remainder 0);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_01 FOR VALUES WITH (modulus 16, remainder 1);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_02 FOR VALUES WITH (modulus 16, remainder 2);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_03 FOR VALUES WITH (modulus 16, remainder 3);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_04 FOR VALUES WITH (modulus 16, remainder 4);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_05 FOR VALUES WITH (modulus 16, remainder 5);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_06 FOR VALUES WITH (modulus 16, remainder 6);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_07 FOR VALUES WITH (modulus 16, remainder 7);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_08 FOR VALUES WITH (modulus 16, remainder 8);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_09 FOR VALUES WITH (modulus 16, remainder 9);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_10 FOR VALUES WITH (modulus 16, remainder 10);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_11 FOR VALUES WITH (modulus 16, remainder 11);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_12 FOR VALUES WITH (modulus 16, remainder 12);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_13 FOR VALUES WITH (modulus 16, remainder 13);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_14 FOR VALUES WITH (modulus 16, remainder 14);



ALTER TABLE ONLY public.instance_version ATTACH PARTITION public.instance_version_15 FOR VALUES WITH (modulus 16, remainder 15);



INSERT INTO public.access_token VALUES
	('\x95b09bd2e57b3a17053a8ccc888387801db324b88f8c73e565999500e6a70121', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-7136-7672-9b42-076988c7383c', 'sms', '01a2111a-718a-70fb-a731-467f4b93c764', '2026-03-02 04:00:00+00');



INSERT INTO public.alembic_version VALUES
	('0002');






INSERT INTO public.audit_checkpoint VALUES
	('01a2111a-7272-795b-9315-bfb6e25d9edc', 10, '\x9f44a9fe2a6a02cd329125d244b81851dd261761450301a22793063c542e405f', '\x8c78c44a092ba580f3ba9b0a7e9736e23bc45d1d00efa821943c53dd5d2835ea5e40c97adff46879f018228c96dbd91faf4684d567ff1b8ade5c2c4265ec6785', '\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', '\x485f3e70d0e1ff6acce63a598139a0b62d2aeaaeaee2d1f5a519ade92aa1ca47197d24e93b6a90fdca0b4dc01e2d003d572b98716461a37b1c1eb987cb66730f', 'b469af15', '2026-03-02 04:00:00+00'),
	('01a2111a-73b1-75e5-98a7-100a06ae513d', 14, '\x457f20c7b6cd3cc30877c1fc6ef538d74c3edb59c87d969b858f0c64924f58d1', '\x8c78c44a092ba580f3ba9b0a7e9736e23bc45d1d00efa821943c53dd5d2835eaa81ece53a8255a75b74cdb71980b8afefdbdbbcc2e2e6cb64cd09a67fd0598e44d3978ef04b983b1b786fa5236e571d19fe013882d2932766c97fa176efc4cfe', '\x9f44a9fe2a6a02cd329125d244b81851dd261761450301a22793063c542e405f', '\xc89e6d51d68115b17deb8f63242d88d21e035c2b5033e4446a44cfb7404471b3cdbf8cd30f7d52c6a8416a928a2eb5045a1e86ad23405a7def59d3b72231ea03', 'b469af15', '2026-03-02 04:01:00+00');



INSERT INTO public.audit_event VALUES
	('01a2111a-6be0-71bc-bee1-aa80c613f773', '2026-03-02 04:00:00+00', '01a2111a-6ba9-737b-8924-6fa85a302f3e', NULL, 'operator', NULL, 'hospital.written', 'hospital:01a2111a-6ba9-737b-8924-6fa85a302f3e', 'ok', NULL, '\x3465373466343035684c5d643aa6e04e49f84b7c01fd820dccae0ab6b6d597e232f53aca0c73', '\x1842adffdc96f1074f545f987264b494', '\xaf5a7551375c28b1b6d8dbc8c78e9f099f1f5fbea6bb4f66f712d819d831fdb3'),
	('01a2111a-6bee-7702-84d0-d4626df62da3', '2026-03-02 04:00:00+00', '01a2111a-6ba9-737b-8924-6fa85a302f3e', NULL, 'operator', NULL, 'hospital.written', 'hospital:01a2111a-6ba9-737b-8924-6fa85a302f3e', 'ok', 'live', '\x3465373466343035d90a2925e537fbc943b00cde1eeac01a41b145c6b071476db6eb4d46fa22', '\xf3778547db6caf547034bee421688dbc', '\x5f30bb5bef5edf9588233f4e9e87056743e7b50129ac9a386099e5daf88dc3a5'),
	('01a2111a-6cd9-7f02-85d7-b7a460ce8cb5', '2026-03-02 04:00:00+00', '01a2111a-6ba9-737b-8924-6fa85a302f3e', NULL, 'tests', NULL, 'instances.stored', 'study:01a2111a-6c56-708a-8d9e-9e874c903918', 'ok', NULL, '\x346537346634303505d82cdbca4f1aeca4583680a298d126bec619114e30948228282defdc92bcdfbdc291cda78fd2f20d6ea70b8c9a47', '\x6932667fd5cfe1ed7c85282cba5d6487', '\x380921d634e79c8c10643d35243cbc830c6b7b7c6096d2332f4a98dc62b1dcf8'),
	('01a2111a-6d09-7021-a0f3-fb8e9cedfbf0', '2026-03-02 04:00:00+00', '01a2111a-6ba9-737b-8924-6fa85a302f3e', NULL, 'worker', NULL, 'study.completed', 'study:01a2111a-6c56-708a-8d9e-9e874c903918', 'ok', 'call', '\x34653734663430350991b77f68157c1b50dd6547a520209cfb0e0fb839384341492cb45516571370ac4afe5387a2cabe43a129b24ddf37f283adfc215164b39921', '\x858b628cea77fbbd4319f918daa2af3c', '\x71b381ce249f4bd5724a2c08ac05b5e0b2ce70d0d4a0b8bc38d18ca6d7ca8919'),
	('01a2111a-70f2-72b4-94ba-1912045d2d4c', '2026-03-02 04:00:00+00', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6bf6-788b-8f2d-78e7c6d85d42', 'matching', NULL, 'study.matched', 'study:01a2111a-6c56-708a-8d9e-9e874c903918', 'ok', NULL, '\x3465373466343035f8881e0e57e1a88d59c4692ac580660a11a3d9417a8f7d94640ab24616e0', '\x2b8d663e23fc16563345a92c162be073', '\x9e99b466b8e8f60f6f501a043d05bf795e971608a4cb6dbf1f8e5bece3d4c313'),
	('01a2111a-7151-75ad-bae0-8b9cbda33bb5', '2026-03-02 04:00:00+00', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6bf6-788b-8f2d-78e7c6d85d42', 'worker', NULL, 'notification.written', 'notification:01a2111a-714d-7be5-a852-4315c3827d43', 'ok', NULL, '\x3465373466343035ff26f4a3bc717847822e6e596b61fabe0482eaddb1b5bd10b178c590f0680c61689746cd893c11c13d4f2ec3de785d106e844aee2bfeb0', '\xbefc56541f41c6c86b1bd7d13e00390a', '\x1e2b0e753cf853760bb9fa0754457473e6cb815c48ada0c770126c9c1eae6ae2'),
	('01a2111a-719d-7e23-9e02-1b4d66b1ec66', '2026-03-02 04:00:00+00', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6bf6-788b-8f2d-78e7c6d85d42', 'worker', NULL, 'link.minted', 'link:01a2111a-7136-7672-9b42-076988c7383c', 'ok', NULL, '\x34653734663430350d236dff6462857a6933ffa0004b138bd0a6c46c42b92180d0b710ca95f7', '\x931a401f50231f542ba93c13671e6202', '\xa3590fc8b7d2ef5eec0a9b65edf412a06d5523a7ccd7fca08fb3a56852e3b0b2'),
	('01a2111a-71b7-7ef1-a12b-c23a7bdf0d51', '2026-03-02 04:00:00+00', '01a2111a-6ba9-737b-8924-6fa85a302f3e', NULL, 'worker', NULL, 'message.sent', 'attempt:01a2111a-718a-70fb-a731-467f4b93c764', 'ok', NULL, '\x3465373466343035554af1bfc96d1022c985a3b7a4c7d99a34b5e81f2793f3d80802183ff573', '\x68849359c484757f77708500b75940e5', '\x0d49ab73955537f26cb9af902d083ab48c0893afbcccb725ba4223ee6cc4b544'),
	('01a2111a-71ff-74b8-99e2-7a6116eaa871', '2026-03-02 04:00:00+00', '01a2111a-6ba9-737b-8924-6fa85a302f3e', NULL, 'carrier', NULL, 'message.fate', 'attempt:01a2111a-718a-70fb-a731-467f4b93c764', 'delivered', NULL, '\x3465373466343035a03aa49c5cca8a97cdc798001376754cabc706706857675204b89b9dcefb', '\x51e0df34fb5bb2e71e6c7cae3b6056a1', '\xb3fb4c55dfd84f5a76ef68569835a99323c4d6b4b20d24a8125b67354e8e190a'),
	('01a2111a-725e-7640-b471-e4fefbf7e52e', '2026-03-02 04:00:00+00', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6bf6-788b-8f2d-78e7c6d85d42', 'link:01a2111a-7136-7672-9b42-076988c7383c', NULL, 'link.opened', 'study:01a2111a-6c56-708a-8d9e-9e874c903918', 'ok', 'birth_date', '\x3465373466343035c0e73d216e2c49048ed3dcef825659613ac0f9443d8ff8e045ea7a1f0707', '\x7841920b49d16b009c15bd089e09a197', '\x6f47b70dc665d54b84fc341484d4c55fae505667fca16dfdd7a32e95eafe26a7'),
	('01a2111a-72e9-71cb-88dc-b66a55d51666', '2026-03-02 04:01:00+00', '01a2111a-6ba9-737b-8924-6fa85a302f3e', NULL, 'tests', NULL, 'instances.stored', 'study:01a2111a-72c3-7383-9077-593e6cad412f', 'ok', NULL, '\x3465373466343035bb3d1f4dc00304984de4526f160ea02dc9a335ed21d743827cf67bfc80080d41a9c0a6e896e9f84971f7079ae6a3ce', '\x6459366da28f2a7afc2ed4e090c49e83', '\x3787bae78434d54e7402e8d8704d851f75a0fce5e2d5e20781a7bc39913f36ab'),
	('01a2111a-730c-75ac-b01a-e08e96135ffc', '2026-03-02 04:01:00+00', '01a2111a-6ba9-737b-8924-6fa85a302f3e', NULL, 'worker', NULL, 'study.completed', 'study:01a2111a-72c3-7383-9077-593e6cad412f', 'ok', 'call', '\x3465373466343035b948df38b2a65e9031e436ceeaef093e58824876c5e8a819bb1aebec5e4e0daee275d72d2e9c6a09ea5d2b27344a721d267ba0563c0452ef46', '\x3d85379ad7420da52ca8bd8129607500', '\xbb222d59bc225f4b66b5dd39f7c64e030cdfd2aa8ab684e1845648d522455f66'),
	('01a2111a-7368-763f-a352-e6146b4ae189', '2026-03-02 04:01:00+00', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-7291-76ef-857e-e362233752dc', 'matching', NULL, 'study.matched', 'study:01a2111a-72c3-7383-9077-593e6cad412f', 'ok', NULL, '\x34653734663430352115c3407e76af71bb222c7589f585da9ad0fbeedb6ee6b7897b700799f3', '\xd46dceeba6a6b581c7c43169af467203', '\x37a5b03f49d60c99a8dc3a8e77ebda306dfaf4b21f01ec8df951d3ff997dc2ee'),
	('01a2111a-73a3-7b74-b5cd-29471fdc30a2', '2026-03-02 04:01:00+00', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-7291-76ef-857e-e362233752dc', 'worker', NULL, 'notification.written', 'notification:01a2111a-739b-7a1b-b885-747491468486', 'ok', NULL, '\x346537346634303575ee519d0090c75af4e4b51b4969e1c0876fbe244d166bf888816330e4067e23acaed8fdcfc001fa348d3c9a9df5b03e9cbb0faafcb94a', '\x00bf288adfb5662f8e66e53bc5d4a4e1', '\xa849e9b7d1418b7da083710a90529ac47f4b56673742d0b9ec66d924bae3e623'),
	('01a2111a-7434-7954-9c11-16cb21cd6066', '2026-03-02 04:02:00+00', '01a2111a-6ba9-737b-8924-6fa85a302f3e', NULL, 'tests', NULL, 'instances.stored', 'study:01a2111a-73e2-744b-865e-f2d90a94db95', 'ok', NULL, '\x346537346634303560346a36fb92ee70c4b269cd7bfff5410eac87895b080af7025a633a9a2bb12f8adf0412d2d53abc132edaed08602a', '\x62962de38e501591b2708e98006293fe', '\x0ed5dbfb9d8ab1ad69ddbd1512ba6bd3a713dbe1b0b78a6efeb4943aa446fdcc');



INSERT INTO public.audit_leaf VALUES
	(0, '01a2111a-6be0-71bc-bee1-aa80c613f773', '01a2111a-7272-795b-9315-bfb6e25d9edc', '\x6c520bcbe0cdba3d1b65bf5b35f87792cac8aaff0986af5b705181a9ee7f6fec'),
	(1, '01a2111a-6bee-7702-84d0-d4626df62da3', '01a2111a-7272-795b-9315-bfb6e25d9edc', '\x98d597f2fdfbedce3db9e28e7c67eab11801ca8ebe2308a0d2fb1e2ac666f6cd'),
	(2, '01a2111a-6cd9-7f02-85d7-b7a460ce8cb5', '01a2111a-7272-795b-9315-bfb6e25d9edc', '\x98fa7cefc8af00d3496b8559f454ee7ae4a8ef06d53b3b3b27c0453bb3bfb7ed'),
	(3, '01a2111a-6d09-7021-a0f3-fb8e9cedfbf0', '01a2111a-7272-795b-9315-bfb6e25d9edc', '\xca27bca11e638f9219ce5940a0c7e8e4fb4099bb25eac316599006396f47c4cb'),
	(4, '01a2111a-70f2-72b4-94ba-1912045d2d4c', '01a2111a-7272-795b-9315-bfb6e25d9edc', '\x9eb6c4edd9e7ede9749dd51c4c02fe2f56307abaef06459f4d672546eef0e961'),
	(5, '01a2111a-7151-75ad-bae0-8b9cbda33bb5', '01a2111a-7272-795b-9315-bfb6e25d9edc', '\xb599d4b48fcade8440653e3027bd1e36f416287ab05ef11db402c5589ceba1cb'),
	(6, '01a2111a-719d-7e23-9e02-1b4d66b1ec66', '01a2111a-7272-795b-9315-bfb6e25d9edc', '\x9776a8ba83d6bc86aafa1bdd346f8436b9cd62e059d452620c24360dbe623790'),
	(7, '01a2111a-71b7-7ef1-a12b-c23a7bdf0d51', '01a2111a-7272-795b-9315-bfb6e25d9edc', '\x14a0bb2a3def6c32303fc29ac2c40d6c9861f4fbcc6b42f7658d79788873aca6'),
	(8, '01a2111a-71ff-74b8-99e2-7a6116eaa871', '01a2111a-7272-795b-9315-bfb6e25d9edc', '\xf0aa86705d42aed33e52669d94b504b1c6f90547174d94202b7f40b26aabdcad'),
	(9, '01a2111a-725e-7640-b471-e4fefbf7e52e', '01a2111a-7272-795b-9315-bfb6e25d9edc', '\xc8f86cc4aa7fa565c78629049cdf12feb25d0c45b441a2236a0f68a5f5139a84'),
	(10, '01a2111a-72e9-71cb-88dc-b66a55d51666', '01a2111a-73b1-75e5-98a7-100a06ae513d', '\x30f5741779ac9a247d283bf828b9fe11f6f4eda196c5d0eb479d45263386eb9c'),
	(11, '01a2111a-730c-75ac-b01a-e08e96135ffc', '01a2111a-73b1-75e5-98a7-100a06ae513d', '\x3c27045d2c9e6cee0bf176453f0aeadd358f8fe3130ac18001056e5f71ff4321'),
	(12, '01a2111a-7368-763f-a352-e6146b4ae189', '01a2111a-73b1-75e5-98a7-100a06ae513d', '\xcaa34c2cc18d7114edc9bbdf8d40e53b959e48d4e3678693e7964eefd22f62fe'),
	(13, '01a2111a-73a3-7b74-b5cd-29471fdc30a2', '01a2111a-73b1-75e5-98a7-100a06ae513d', '\x370fc106b8bbbed43dc025243e4527bd7df7b4d6065780575de9f8cd14a2fd6b');



INSERT INTO public.capability VALUES
	('01a2111a-7136-7672-9b42-076988c7383c', '01a2111a-6ba9-737b-8924-6fa85a302f3e', 'patient-link', 'knPh5s5hWHy3', '01a2111a-6bf6-788b-8f2d-78e7c6d85d42', '2026-04-01 04:00:00+00', NULL, NULL, 5, 5, '2026-03-02 04:00:00+00'),
	('01a2111a-7389-7e3f-8815-e47d1455028d', '01a2111a-6ba9-737b-8924-6fa85a302f3e', 'patient-link', 'xAojcCSK0hSX', '01a2111a-7291-76ef-857e-e362233752dc', '2026-04-01 04:01:00+00', NULL, NULL, 5, 5, '2026-03-02 04:01:00+00');



INSERT INTO public.capability_study VALUES
	('01a2111a-7136-7672-9b42-076988c7383c', '01a2111a-6c56-708a-8d9e-9e874c903918', '01a2111a-6ba9-737b-8924-6fa85a302f3e'),
	('01a2111a-7389-7e3f-8815-e47d1455028d', '01a2111a-72c3-7383-9077-593e6cad412f', '01a2111a-6ba9-737b-8924-6fa85a302f3e');



INSERT INTO public.contact_point VALUES
	('01a2111a-6c11-70c4-ad16-3888cf397afa', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6bf6-788b-8f2d-78e7c6d85d42', 'phone', '\x01a2111a6bd976e3b6475b97d010ac3bfd42686841bc92b2cb4ba2b5c67a25259c0a8e61019786947a75d57a00dcfffd5045104d712899474841', '\x8db442fb46d8aab6336f983af8d8db60103a464bcd4f5ec9b2c10e338bcae987', 'e7162e8a', '2026-03-02 04:00:00+00', NULL, NULL),
	('01a2111a-7294-70ec-8d29-5d625d5b5cbd', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-7291-76ef-857e-e362233752dc', 'phone', '\x01a2111a6bd976e3b6475b97d010ac3b0b99ad6ddc72faabaa9743dc597d74dcdd1787bced1e993d1dc347140bff74c710d10eab7d4cb6d86edf', '\x7b652f37d99ce22b4c55f19d15798e691f43e40e0df50c92727e2f7ecc05b66b', 'e7162e8a', '2026-03-02 04:01:00+00', NULL, NULL),
	('01a2111a-73ca-70fa-b956-814e389b2bd4', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-73c1-7ea7-a2b9-fc1156744c57', 'phone', '\x01a2111a6bd976e3b6475b97d010ac3bceef549df8a42cb56b79ccc853ffacd583fea7f312d2ee9cc23f16a78228e67fbd5a25c5d5aee3d23b65', '\x981a4ab5fede82f49a69673bcd66f7f99ced64356cb158182269f5b34dbddffd', 'e7162e8a', '2026-03-02 04:02:00+00', NULL, NULL);



INSERT INTO public.delivery_attempt VALUES
	('01a2111a-718a-70fb-a731-467f4b93c764', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-714d-7be5-a852-4315c3827d43', 'sms', 1, 'SM582bc2b0c006776c856dd9a4d0670ddc', 'delivered', 'delivered', NULL, '2026-03-02 04:00:00+00', '2026-03-02 04:00:00+00');



INSERT INTO public.delivery_receipt VALUES
	('01a2111a-71d9-70ea-9cdb-9266693aacf9', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-718a-70fb-a731-467f4b93c764', 'queued', '\x01a2111a6bd976e3b6475b97d010ac3bab84535ef367890f4856c2fa1301aa830b14d3a0c4ae23cf3b670a2b3c81e2544e89964b74d73c231d7c7669bd5f490af154cab836b66a1bd2d457d38e4e1a4742d37441e68388fc686169bc657090c4acd6e910b0080b33d01a7cf37a0c375fdfb66b4cfcb924d0c1ccbbbee56ebad35c0f212c9a759ea56606f7d003b33224abeecec43c7f30c59a916d93b744df8f8ebb276393c8ea667a38114fbc60a8c20de6acf89cd103d8f1c31e0a6c439ff71be1f516fd5a1894f2882c217391b85d821a97b29d8c707746a29291e7ee406a1ce4a0c460215b16954ea2b229a3da0269c8698bdd48e1144d491104ec5007cab121ca1ae4915a5499303657220df04d77c5cde017452597c73217db8fee8fea64be492a9b4e52588c1c3c61f18b7978d4e60ac3201301fd3415366c30f40fa0383da3d63b406074b25395bdd3f7fed557212c334eb50779f02c02a2c54762edde8b88a0ff3c9c', '2026-03-02 04:00:00+00'),
	('01a2111a-71f2-7c2b-8557-931211b003dc', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-718a-70fb-a731-467f4b93c764', 'sent', '\x01a2111a6bd976e3b6475b97d010ac3b90ccae094bc9a5bf30ddb8457f339d9c6af8acd5575ea1a9aca6f7067af311cb26cc8f462b128a99bae0ed1588ebb7a097a7d69e394e7f3c889da44d5e9f790c15b02b2dcb2f42ec86ed47dd859c329e8fd1d4a7f2a7de97e6d1b0b6afa9059a0aab13fb1a6a03c963cacdd6039ea928e7dc5fc70e03d49c97a6adb68ddb70f35971bd9334aefc3e8bbba90c129de557c4fb37c499c5c5e4a99a7c8f0cb11fc9267d4bf97646e388fc3c68173191851e14f84c90cfdd6978037e32997381cde8cce9a6440d45e611d2e4b6c180144ffd9f8c0a0118e50c21e196e90a86e471cfb394932f9233b077a62b706841e9646de8c8a8ead6252b10516618bbf4859391e521f6fec55bf53d8354a20b132e6423a9a70a7684456a9ade0a15a34e17cf9fa7e85bdc86a5622011298edc7bdedd976b21ab2300967dcb0b327a70b9e76c4d386a3209000953cbd5f59c0a3272d297fccd72', '2026-03-02 04:00:00+00'),
	('01a2111a-71fb-708e-8095-b7a9d0a993a8', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-718a-70fb-a731-467f4b93c764', 'delivered', '\x01a2111a6bd976e3b6475b97d010ac3bb53e429580e05d3ed946971f8778e0ada1b17f131912c9ed840aa4a1a80d358c142759cd70215300da68b757cb69da5bc01e90bf264d8d5e74972492c1c2a35c21284762097d00f8a39647a53be20a53778d77065aed8c3ea7cdabb764156296dff34c76d5b352b599b0fd89c00d277e80f1b9b0665aaa2bcc61d44ffd8c266cb87b33c385a5db4c13449a97182528e83eb0c3c497769d5f42b7c7c45ac2137a2e9dcde866c189a8b8238053dcfbd838e1e9bcf93312409aa81a5869d92b4544baeeabec86508ffbd1f82cec90abfeac0e06ced03a326f58efb117e5943af621c4421d2655b90b5e69ee4d79571a6aed22665081548af1c789e1d9a35e73544aec1142b515a927fe59bdfbe7555d87b9536866f0028b49e8d78e42ba79429f67a697a00b35361f73bcfcb4a0100061f31c70928ebaf0af2e0f933e522995b8207056e76051e4b8894466e1a901217fd89f182617bafc7cedc8a218ffeb', '2026-03-02 04:00:00+00');



INSERT INTO public.hospital VALUES
	('01a2111a-6ba9-737b-8924-6fa85a302f3e', 'yz1', '云泽市医院 yz1', '云泽一院', 'Asia/Shanghai', '0000-66001234', NULL, 'zh', '{"quiet_hours": "none", "link_days": 30, "tries": 5, "fallback_hours": 24, "replace_policy": "keep-newest", "default_issuer": "YZ1", "release": {"images": "at-once", "report": "report-final", "classes": []}, "facts": ["birth_date", "id_last4", "visit_number"]}', '2026-03-02 04:00:00+00', '2026-03-02 04:00:00+00');



INSERT INTO public.hospital_key VALUES
	('01a2111a-6bd9-76e3-b647-5b97d010ac3b', '01a2111a-6ba9-737b-8924-6fa85a302f3e', 1, '4e74f405', '\x4a1661aa99cd7c1c3704f8300c8e5d1d4d541a8447545fad7895abd9e5cfa2341d3ddc81f531bfcfdd6da81987828da8c5c6e3070336fc8b61437c7d', '2026-03-02 04:00:00+00');












INSERT INTO public.instance_01 VALUES
	('01a2111a-6c56-708a-8d9e-9e874c903918', '1.2.3.9.1.1', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6cad-7aa1-b8ff-3b6e6a22a135', '1.2.840.10008.5.1.4.1.1.2', 1, '\x082b6acb45a3187cb1046d677dc07e657d44b7b398f1afa1342c30b81b1da70b'),
	('01a2111a-6c56-708a-8d9e-9e874c903918', '1.2.3.9.1.2', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6cad-7aa1-b8ff-3b6e6a22a135', '1.2.840.10008.5.1.4.1.1.2', 2, '\x3a38cdf7cf1c338e75a150202564bc432407d3d6b6f4de46a3d48e4eed94e042'),
	('01a2111a-73e2-744b-865e-f2d90a94db95', '1.2.826.0.1.77.1.1', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-741d-71e2-af58-df3316d19c14', '1.2.840.10008.5.1.4.1.1.2', 1, '\xd1b3718de08ed94c88aacf609c8b7f915a4b925e1a104165287997d199f402b2'),
	('01a2111a-73e2-744b-865e-f2d90a94db95', '1.2.826.0.1.77.1.2', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-741d-71e2-af58-df3316d19c14', '1.2.840.10008.5.1.4.1.1.2', 2, '\x81510508ac76dcb1cc63b2b84879293466c8939240ccb2e284831c3a4e8c52d2');




































INSERT INTO public.instance_13 VALUES
	('01a2111a-72c3-7383-9077-593e6cad412f', '1.2.3.12.1.1', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-72d1-71cf-9f12-7ebb3772cfcf', '1.2.840.10008.5.1.4.1.1.2', 1, '\xd0fead931e121685d0fb0981cfbf6e80366b3f04747f8cbca8252056e3189d83');












INSERT INTO public.instance_version_01 VALUES
	('01a2111a-6c56-708a-8d9e-9e874c903918', '1.2.3.9.1.1', '\x082b6acb45a3187cb1046d677dc07e657d44b7b398f1afa1342c30b81b1da70b', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '1.2.840.10008.1.2.1', 'da3514aa-70aa-4a50-8b0c-e6b984664a58', NULL, false, '2026-03-02 04:00:00+00'),
	('01a2111a-6c56-708a-8d9e-9e874c903918', '1.2.3.9.1.2', '\x3a38cdf7cf1c338e75a150202564bc432407d3d6b6f4de46a3d48e4eed94e042', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '1.2.840.10008.1.2.1', 'e33e4360-3193-4aaf-bc0a-4032b6226f0a', NULL, false, '2026-03-02 04:00:00+00'),
	('01a2111a-73e2-744b-865e-f2d90a94db95', '1.2.826.0.1.77.1.1', '\xd1b3718de08ed94c88aacf609c8b7f915a4b925e1a104165287997d199f402b2', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '1.2.840.10008.1.2.1', '787a52f0-3979-4e5e-a89a-9904cde3a169', NULL, false, '2026-03-02 04:02:00+00'),
	('01a2111a-73e2-744b-865e-f2d90a94db95', '1.2.826.0.1.77.1.2', '\x81510508ac76dcb1cc63b2b84879293466c8939240ccb2e284831c3a4e8c52d2', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '1.2.840.10008.1.2.1', '2674930d-4d7a-45f5-b5cf-f59b1455bd81', NULL, false, '2026-03-02 04:02:00+00');




































INSERT INTO public.instance_version_13 VALUES
	('01a2111a-72c3-7383-9077-593e6cad412f', '1.2.3.12.1.1', '\xd0fead931e121685d0fb0981cfbf6e80366b3f04747f8cbca8252056e3189d83', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '1.2.840.10008.1.2.1', '0b108121-1fd5-48c5-8c09-bef94bbdc2e3', NULL, false, '2026-03-02 04:01:00+00');












INSERT INTO public.notification VALUES
	('01a2111a-714d-7be5-a852-4315c3827d43', '01a2111a-6ba9-737b-8924-6fa85a302f3e', 'study', '01a2111a-6c56-708a-8d9e-9e874c903918', 1, '01a2111a-6c11-70c4-ad16-3888cf397afa', 'study-ready', '{}', 'zh', false, '2026-03-02 04:00:00+00', 'delivered', NULL, '2026-03-02 04:00:00+00', '2026-03-02 04:00:00+00'),
	('01a2111a-739b-7a1b-b885-747491468486', '01a2111a-6ba9-737b-8924-6fa85a302f3e', 'study', '01a2111a-72c3-7383-9077-593e6cad412f', 1, '01a2111a-7294-70ec-8d29-5d625d5b5cbd', 'study-ready', '{}', 'zh', false, '2026-03-02 04:01:00+00', 'queued', NULL, '2026-03-02 04:01:00+00', '2026-03-02 04:01:00+00');






INSERT INTO public.outbox VALUES
	('01a2111a-6cd5-7976-a26f-5456b464d940', '01a2111a-6ba9-737b-8924-6fa85a302f3e', 'study.settle', '01a2111a-6c56-708a-8d9e-9e874c903918', '2026-03-02 04:00:00+00', NULL, '7d777805-8779-4e4f-9d79-07ad98327043', 1, NULL, '2026-03-02 04:00:00+00', '2026-03-02 04:00:00+00'),
	('01a2111a-70de-7dd1-8596-6a85a688f3d5', '01a2111a-6ba9-737b-8924-6fa85a302f3e', 'study.announce', '01a2111a-6c56-708a-8d9e-9e874c903918', '2026-03-02 04:00:00+00', NULL, NULL, 0, NULL, NULL, '2026-03-02 04:00:00+00'),
	('01a2111a-6d05-78e9-a55d-47e288f3bc8c', '01a2111a-6ba9-737b-8924-6fa85a302f3e', 'previews.render', '01a2111a-6cad-7aa1-b8ff-3b6e6a22a135', '2026-03-02 04:00:00+00', NULL, 'dff7a0d2-0582-46df-bac4-183457c3cbc6', 1, NULL, '2026-03-02 04:00:00+00', '2026-03-02 04:00:00+00'),
	('01a2111a-714f-74a9-b03b-41346c77cb26', '01a2111a-6ba9-737b-8924-6fa85a302f3e', 'notifications.dispatch', '01a2111a-714d-7be5-a852-4315c3827d43', '2026-03-02 04:00:00+00', NULL, 'dee52b96-22ef-4e71-91c7-5310b46235aa', 1, NULL, '2026-03-02 04:00:00+00', '2026-03-02 04:00:00+00'),
	('01a2111a-72e5-7924-a3ea-1a390f6e36e5', '01a2111a-6ba9-737b-8924-6fa85a302f3e', 'study.settle', '01a2111a-72c3-7383-9077-593e6cad412f', '2026-03-02 04:01:00+00', NULL, '9ed2fb43-000b-4b51-9b02-b75b36f196d5', 1, NULL, '2026-03-02 04:01:00+00', '2026-03-02 04:01:00+00'),
	('01a2111a-7356-74d5-a814-f860b62245f3', '01a2111a-6ba9-737b-8924-6fa85a302f3e', 'study.announce', '01a2111a-72c3-7383-9077-593e6cad412f', '2026-03-02 04:01:00+00', NULL, NULL, 0, NULL, NULL, '2026-03-02 04:01:00+00'),
	('01a2111a-7307-751b-a711-e501b2ce2d28', '01a2111a-6ba9-737b-8924-6fa85a302f3e', 'previews.render', '01a2111a-72d1-71cf-9f12-7ebb3772cfcf', '2026-03-02 04:01:00+00', NULL, '19248749-d8ba-4df5-8169-2dbc8b27e8e0', 1, NULL, '2026-03-02 04:01:00+00', '2026-03-02 04:01:00+00'),
	('01a2111a-739c-7140-af55-94d92c3cf635', '01a2111a-6ba9-737b-8924-6fa85a302f3e', 'notifications.dispatch', '01a2111a-739b-7a1b-b885-747491468486', '2026-03-02 04:01:00+00', NULL, NULL, 0, NULL, NULL, '2026-03-02 04:01:00+00'),
	('01a2111a-7431-7293-9464-6e356bd102e6', '01a2111a-6ba9-737b-8924-6fa85a302f3e', 'study.settle', '01a2111a-73e2-744b-865e-f2d90a94db95', '2026-03-02 04:03:00+00', NULL, NULL, 0, NULL, NULL, '2026-03-02 04:02:00+00');



INSERT INTO public.patient VALUES
	('01a2111a-6bf6-788b-8f2d-78e7c6d85d42', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '王^小明', '{}', '1958-03-07', NULL, NULL, NULL, false, false, false, false, '2026-03-02 04:00:00+00', '2026-03-02 04:00:00+00'),
	('01a2111a-7291-76ef-857e-e362233752dc', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '王^小明', '{}', '1958-03-07', NULL, NULL, NULL, false, false, false, false, '2026-03-02 04:01:00+00', '2026-03-02 04:01:00+00'),
	('01a2111a-73c1-7ea7-a2b9-fc1156744c57', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '王^小明', '{}', '1958-03-07', NULL, NULL, NULL, false, false, false, false, '2026-03-02 04:02:00+00', '2026-03-02 04:02:00+00');



INSERT INTO public.patient_identifier VALUES
	('01a2111a-6c04-7f33-9da2-ebac177eaed3', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6bf6-788b-8f2d-78e7c6d85d42', 'YZ1', 'P-7', '2026-03-02 04:00:00+00'),
	('01a2111a-7293-774e-8b80-57cb218624c5', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-7291-76ef-857e-e362233752dc', 'YZ1', 'P-10', '2026-03-02 04:01:00+00'),
	('01a2111a-73c5-75a0-976e-26f3964dfd36', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-73c1-7ea7-a2b9-fc1156744c57', 'YZ1', 'P-77', '2026-03-02 04:02:00+00');






INSERT INTO public.report VALUES
	('01a2111a-70f6-7903-b614-36839604a05b', '01a2111a-6ba9-737b-8924-6fa85a302f3e', 'R-01a2111a-6c25-7c42-b31d-63927362f5e7', 1, 'final', '01a2111a-6c25-7c42-b31d-63927362f5e7', '\x01a2111a6bd976e3b6475b97d010ac3b892f67a32249d346d252012787cad24ee66d1606733ce9d36f311f5448f0805822aa0a40530c7d2a42a6aa3e1b59083024134c5f0fe0e023c47f8a8306a64077aa6cf6b888024569bbbb3be7373a4d7c6a818e2833e4b6d9380de9aa9416093e7e40353737b57445c103d319c0d880d655acd0f439bdf47eaf57d188221d2a22578d9347fdc49409ad28e7ac304f8ea03bb778b240067f5c00ff005ead53a3', '769a8021-cdfb-4dcc-923d-e1f8bd046b4c', '2026-03-02 04:00:00+00', '2026-03-02 04:00:00+00');



INSERT INTO public.series VALUES
	('01a2111a-6cad-7aa1-b8ff-3b6e6a22a135', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6c56-708a-8d9e-9e874c903918', '1.2.3.9.1', 'CT', 1, NULL, 1, 'ededa6f1-1591-44b9-8f3e-f767db0c8785', 1, 2, 2, NULL, '2026-03-02 04:00:00+00'),
	('01a2111a-72d1-71cf-9f12-7ebb3772cfcf', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-72c3-7383-9077-593e6cad412f', '1.2.3.12.1', 'CT', 1, NULL, 1, 'fbdc78b4-e0ce-43cf-a1ce-df3bcc9153c5', 1, 1, 1, NULL, '2026-03-02 04:01:00+00'),
	('01a2111a-741d-71e2-af58-df3316d19c14', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-73e2-744b-865e-f2d90a94db95', '1.2.826.0.1.77.1', 'CT', 1, NULL, 1, NULL, -1, 0, 0, NULL, '2026-03-02 04:02:00+00');



INSERT INTO public.service_request VALUES
	('01a2111a-6c25-7c42-b31d-63927362f5e7', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6bf6-788b-8f2d-78e7c6d85d42', 'YZ1', 'A-8', '\x01a2111a6bd976e3b6475b97d010ac3bb7428149bf73a975fb51afb59598d168476f1f75c0bb388cff8e2452b320b4a4', '\x01a2111a6bd976e3b6475b97d010ac3b21910c00482e1111644f67971b0e690ae7b709f53f445cbf28582e2d9150aa8d0d8a279c03', NULL, 'routine', '2026-03-02 04:00:00+00', '2026-03-02 04:00:00+00'),
	('01a2111a-729b-74cc-8f31-63cef8295fda', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-7291-76ef-857e-e362233752dc', 'YZ1', 'A-11', NULL, '\x01a2111a6bd976e3b6475b97d010ac3b70778bd9a4243504b8c834bf6d3a42d4752c1a5609e44ed13130747ce42fb72bbfa65c2917', NULL, 'routine', '2026-03-02 04:01:00+00', '2026-03-02 04:01:00+00'),
	('01a2111a-73cd-72fd-a1c0-1cc0b38744dc', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-73c1-7ea7-a2b9-fc1156744c57', 'YZ1', 'A-77', NULL, '\x01a2111a6bd976e3b6475b97d010ac3b1935213756e7b1e646c6cf70455796959faae412392c2ebdbd2aa245b947000ef4f3d480bb', NULL, 'routine', '2026-03-02 04:02:00+00', '2026-03-02 04:02:00+00');



INSERT INTO public.session VALUES
	('\x23d0ddbc78249b1b30f932a16fa2ea3c436a10a77a01662be7bf7dea4503cf0d', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-7136-7672-9b42-076988c7383c', 'A1', '2026-03-02 16:00:00+00', NULL, '2026-03-02 04:00:00+00');



INSERT INTO public.stored_object VALUES
	('da3514aa-70aa-4a50-8b0c-e6b984664a58', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6c56-708a-8d9e-9e874c903918', NULL, 'instance', '0292d75f-f70b-4a22-8bb9-e5f861641da9', 0, 2640, '2026-03-02 04:00:00+00'),
	('e33e4360-3193-4aaf-bc0a-4032b6226f0a', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6c56-708a-8d9e-9e874c903918', NULL, 'instance', '0292d75f-f70b-4a22-8bb9-e5f861641da9', 2656, 2640, '2026-03-02 04:00:00+00'),
	('ededa6f1-1591-44b9-8f3e-f767db0c8785', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6c56-708a-8d9e-9e874c903918', NULL, 'previews', '33b4f5a4-6e64-40d2-9176-b8696bdda637', 0, 2406, '2026-03-02 04:00:00+00'),
	('769a8021-cdfb-4dcc-923d-e1f8bd046b4c', '01a2111a-6ba9-737b-8924-6fa85a302f3e', NULL, '01a2111a-6bd9-76e3-b647-5b97d010ac3b', 'report', '5414bcb6-6375-48e1-a294-119b24ff8714', 0, 30, '2026-03-02 04:00:00+00'),
	('0b108121-1fd5-48c5-8c09-bef94bbdc2e3', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-72c3-7383-9077-593e6cad412f', NULL, 'instance', '3f2d923e-40a8-4730-86b5-7c2b139e9218', 0, 2640, '2026-03-02 04:01:00+00'),
	('fbdc78b4-e0ce-43cf-a1ce-df3bcc9153c5', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-72c3-7383-9077-593e6cad412f', NULL, 'previews', '473bf723-5bb3-4b3c-b80c-2a08262215ab', 0, 1443, '2026-03-02 04:01:00+00'),
	('787a52f0-3979-4e5e-a89a-9904cde3a169', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-73e2-744b-865e-f2d90a94db95', NULL, 'instance', 'd1d3a015-02aa-48e2-ace6-0003afde54ac', 0, 2664, '2026-03-02 04:02:00+00'),
	('2674930d-4d7a-45f5-b5cf-f59b1455bd81', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-73e2-744b-865e-f2d90a94db95', NULL, 'instance', 'd1d3a015-02aa-48e2-ace6-0003afde54ac', 2680, 2664, '2026-03-02 04:02:00+00');



INSERT INTO public.study VALUES
	('01a2111a-6c56-708a-8d9e-9e874c903918', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '1.2.3.9', '01a2111a-6bf6-788b-8f2d-78e7c6d85d42', '01a2111a-6c25-7c42-b31d-63927362f5e7', 'ready', 1, 1, 1, false, NULL, NULL, NULL, NULL, NULL, 'P-7', 'YZ1', 'Wang^Xiaoming', '', 'A-8', '', '', NULL, NULL, false, NULL, 'call', '2026-03-02 04:00:00+00', '2026-03-02 04:00:00+00', '2026-03-02 04:00:00+00'),
	('01a2111a-72c3-7383-9077-593e6cad412f', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '1.2.3.12', '01a2111a-7291-76ef-857e-e362233752dc', '01a2111a-729b-74cc-8f31-63cef8295fda', 'ready', 1, 1, 1, false, NULL, NULL, NULL, NULL, NULL, 'P-10', 'YZ1', 'Wang^Xiaoming', '', 'A-11', '', '', NULL, NULL, false, NULL, 'call', '2026-03-02 04:01:00+00', '2026-03-02 04:01:00+00', '2026-03-02 04:01:00+00'),
	('01a2111a-73e2-744b-865e-f2d90a94db95', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '1.2.826.0.1.77', NULL, NULL, 'receiving', 0, 0, 0, false, NULL, NULL, NULL, NULL, NULL, 'P-77', 'YZ1', 'Wang^Xiaoming', '', 'A-77', '', '', NULL, NULL, false, NULL, NULL, NULL, '2026-03-02 04:02:00+00', '2026-03-02 04:02:00+00');



INSERT INTO public.study_key VALUES
	('01a2111a-6c56-708a-8d9e-9e874c903918', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6bd9-76e3-b647-5b97d010ac3b', '\x92cd9c2d274bd76bfe50b8d57e1d6b0747ec6a741d19b7995efd090916e4584333d5cf32202b248d381434e8ad5704fa5bb5cb17bff575fe8b61b64f', NULL),
	('01a2111a-72c3-7383-9077-593e6cad412f', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6bd9-76e3-b647-5b97d010ac3b', '\x8c101a16c6075652dbcba27fd300d27355f4ff4718ba7900041b7be6cd9dcd028fb91183edc4b4fb65f937f9f9e9c542a0c93ab983a8a9817c440762', NULL),
	('01a2111a-73e2-744b-865e-f2d90a94db95', '01a2111a-6ba9-737b-8924-6fa85a302f3e', '01a2111a-6bd9-76e3-b647-5b97d010ac3b', '\xdb3e0b28cb1a458d1bf0d3aec5988ec296de7ff27ffa6fead0ecd2b8a7989d58606bd544341e95749cc6604f7fe585984f3be0ced4019ec5e39fb272', NULL);









ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);



ALTER TABLE ONLY public.instance
    ADD CONSTRAINT pk_instance PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_00
    ADD CONSTRAINT instance_00_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_01
    ADD CONSTRAINT instance_01_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_02
    ADD CONSTRAINT instance_02_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_03
    ADD CONSTRAINT instance_03_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_04
    ADD CONSTRAINT instance_04_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_05
    ADD CONSTRAINT instance_05_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_06
    ADD CONSTRAINT instance_06_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_07
    ADD CONSTRAINT instance_07_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_08
    ADD CONSTRAINT instance_08_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_09
    ADD CONSTRAINT instance_09_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_10
    ADD CONSTRAINT instance_10_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_11
    ADD CONSTRAINT instance_11_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_12
    ADD CONSTRAINT instance_12_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_13
    ADD CONSTRAINT instance_13_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_14
    ADD CONSTRAINT instance_14_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_15
    ADD CONSTRAINT instance_15_pkey PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.instance_version
    ADD CONSTRAINT pk_instance_version PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_00
    ADD CONSTRAINT instance_version_00_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_01
    ADD CONSTRAINT instance_version_01_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_02
    ADD CONSTRAINT instance_version_02_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_03
    ADD CONSTRAINT instance_version_03_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_04
    ADD CONSTRAINT instance_version_04_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_05
    ADD CONSTRAINT instance_version_05_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_06
    ADD CONSTRAINT instance_version_06_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_07
    ADD CONSTRAINT instance_version_07_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_08
    ADD CONSTRAINT instance_version_08_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_09
    ADD CONSTRAINT instance_version_09_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_10
    ADD CONSTRAINT instance_version_10_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_11
    ADD CONSTRAINT instance_version_11_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_12
    ADD CONSTRAINT instance_version_12_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_13
    ADD CONSTRAINT instance_version_13_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_14
    ADD CONSTRAINT instance_version_14_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.instance_version_15
    ADD CONSTRAINT instance_version_15_pkey PRIMARY KEY (study_id, sop_instance_uid, dataset_digest);



ALTER TABLE ONLY public.access_token
    ADD CONSTRAINT pk_access_token PRIMARY KEY (digest);



ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT pk_api_key PRIMARY KEY (id);



ALTER TABLE ONLY public.audit_checkpoint
    ADD CONSTRAINT pk_audit_checkpoint PRIMARY KEY (id);



ALTER TABLE ONLY public.audit_event
    ADD CONSTRAINT pk_audit_event PRIMARY KEY (id);



ALTER TABLE ONLY public.audit_leaf
    ADD CONSTRAINT pk_audit_leaf PRIMARY KEY ("position");



ALTER TABLE ONLY public.capability
    ADD CONSTRAINT pk_capability PRIMARY KEY (id);



ALTER TABLE ONLY public.capability_study
    ADD CONSTRAINT pk_capability_study PRIMARY KEY (capability_id, study_id);



ALTER TABLE ONLY public.contact_point
    ADD CONSTRAINT pk_contact_point PRIMARY KEY (id);



ALTER TABLE ONLY public.delivery_attempt
    ADD CONSTRAINT pk_delivery_attempt PRIMARY KEY (id);



ALTER TABLE ONLY public.delivery_receipt
    ADD CONSTRAINT pk_delivery_receipt PRIMARY KEY (id);



ALTER TABLE ONLY public.hospital
    ADD CONSTRAINT pk_hospital PRIMARY KEY (id);



ALTER TABLE ONLY public.hospital_key
    ADD CONSTRAINT pk_hospital_key PRIMARY KEY (id);



ALTER TABLE ONLY public.idempotency_key
    ADD CONSTRAINT pk_idempotency_key PRIMARY KEY (id);



ALTER TABLE ONLY public.imaging_source
    ADD CONSTRAINT pk_imaging_source PRIMARY KEY (id);



ALTER TABLE ONLY public.manifest_entry
    ADD CONSTRAINT pk_manifest_entry PRIMARY KEY (study_id, sop_instance_uid);



ALTER TABLE ONLY public.notification
    ADD CONSTRAINT pk_notification PRIMARY KEY (id);



ALTER TABLE ONLY public.opening
    ADD CONSTRAINT pk_opening PRIMARY KEY (id);



ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT pk_outbox PRIMARY KEY (id);



ALTER TABLE ONLY public.patient
    ADD CONSTRAINT pk_patient PRIMARY KEY (id);



ALTER TABLE ONLY public.patient_identifier
    ADD CONSTRAINT pk_patient_identifier PRIMARY KEY (id);



ALTER TABLE ONLY public.quarantine
    ADD CONSTRAINT pk_quarantine PRIMARY KEY (id);



ALTER TABLE ONLY public.report
    ADD CONSTRAINT pk_report PRIMARY KEY (id);



ALTER TABLE ONLY public.series
    ADD CONSTRAINT pk_series PRIMARY KEY (id);



ALTER TABLE ONLY public.service_request
    ADD CONSTRAINT pk_service_request PRIMARY KEY (id);



ALTER TABLE ONLY public.session
    ADD CONSTRAINT pk_session PRIMARY KEY (digest);



ALTER TABLE ONLY public.stored_object
    ADD CONSTRAINT pk_stored_object PRIMARY KEY (id);



ALTER TABLE ONLY public.study
    ADD CONSTRAINT pk_study PRIMARY KEY (id);



ALTER TABLE ONLY public.study_key
    ADD CONSTRAINT pk_study_key PRIMARY KEY (study_id);



ALTER TABLE ONLY public.suppression
    ADD CONSTRAINT pk_suppression PRIMARY KEY (id);



ALTER TABLE ONLY public.trial_number
    ADD CONSTRAINT pk_trial_number PRIMARY KEY (id);



ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT uq_api_key_credential_digest UNIQUE (credential_digest);



ALTER TABLE ONLY public.audit_checkpoint
    ADD CONSTRAINT uq_audit_checkpoint_size UNIQUE (size);



ALTER TABLE ONLY public.audit_leaf
    ADD CONSTRAINT uq_audit_leaf_event_id UNIQUE (event_id);



ALTER TABLE ONLY public.capability
    ADD CONSTRAINT uq_capability_public_id UNIQUE (public_id);



ALTER TABLE ONLY public.contact_point
    ADD CONSTRAINT uq_contact_point_hospital_id_patient_id_kind_value_index UNIQUE (hospital_id, patient_id, kind, value_index);



ALTER TABLE ONLY public.delivery_attempt
    ADD CONSTRAINT uq_delivery_attempt_channel_provider_reference UNIQUE (channel, provider_reference);



ALTER TABLE ONLY public.delivery_attempt
    ADD CONSTRAINT uq_delivery_attempt_notification_id_channel_number UNIQUE (notification_id, channel, number);



ALTER TABLE ONLY public.delivery_receipt
    ADD CONSTRAINT uq_delivery_receipt_attempt_id_provider_status UNIQUE (attempt_id, provider_status);



ALTER TABLE ONLY public.hospital
    ADD CONSTRAINT uq_hospital_code UNIQUE (code);



ALTER TABLE ONLY public.hospital_key
    ADD CONSTRAINT uq_hospital_key_hospital_id_version UNIQUE (hospital_id, version);



ALTER TABLE ONLY public.idempotency_key
    ADD CONSTRAINT uq_idempotency_key_api_key_id_key UNIQUE (api_key_id, key);



ALTER TABLE ONLY public.imaging_source
    ADD CONSTRAINT uq_imaging_source_called_ae_title_calling_ae_title_network UNIQUE (called_ae_title, calling_ae_title, network);



ALTER TABLE ONLY public.notification
    ADD CONSTRAINT uq_notification_kind_subject_id_subject_revision_contact_id UNIQUE (kind, subject_id, subject_revision, contact_id);



ALTER TABLE ONLY public.opening
    ADD CONSTRAINT uq_opening_session_digest_study_id_action UNIQUE (session_digest, study_id, action);



ALTER TABLE ONLY public.patient_identifier
    ADD CONSTRAINT uq_patient_identifier_hospital_id_issuer_value UNIQUE (hospital_id, issuer, value);



ALTER TABLE ONLY public.report
    ADD CONSTRAINT uq_report_hospital_id_number_version UNIQUE (hospital_id, number, version);



ALTER TABLE ONLY public.series
    ADD CONSTRAINT uq_series_study_id_series_instance_uid UNIQUE (study_id, series_instance_uid);



ALTER TABLE ONLY public.service_request
    ADD CONSTRAINT uq_service_request_hospital_id_issuer_accession_number UNIQUE (hospital_id, issuer, accession_number);



ALTER TABLE ONLY public.study
    ADD CONSTRAINT uq_study_hospital_id_study_instance_uid UNIQUE (hospital_id, study_instance_uid);



ALTER TABLE ONLY public.suppression
    ADD CONSTRAINT uq_suppression_hospital_id_value_index_channel UNIQUE (hospital_id, value_index, channel);



ALTER TABLE ONLY public.trial_number
    ADD CONSTRAINT uq_trial_number_hospital_id_value_index UNIQUE (hospital_id, value_index);



CREATE INDEX ix_instance_series_id ON ONLY public.instance USING btree (series_id);



CREATE INDEX instance_00_series_id_idx ON public.instance_00 USING btree (series_id);



CREATE INDEX instance_01_series_id_idx ON public.instance_01 USING btree (series_id);



CREATE INDEX instance_02_series_id_idx ON public.instance_02 USING btree (series_id);



CREATE INDEX instance_03_series_id_idx ON public.instance_03 USING btree (series_id);



CREATE INDEX instance_04_series_id_idx ON public.instance_04 USING btree (series_id);



CREATE INDEX instance_05_series_id_idx ON public.instance_05 USING btree (series_id);



CREATE INDEX instance_06_series_id_idx ON public.instance_06 USING btree (series_id);



CREATE INDEX instance_07_series_id_idx ON public.instance_07 USING btree (series_id);



CREATE INDEX instance_08_series_id_idx ON public.instance_08 USING btree (series_id);



CREATE INDEX instance_09_series_id_idx ON public.instance_09 USING btree (series_id);



CREATE INDEX instance_10_series_id_idx ON public.instance_10 USING btree (series_id);



CREATE INDEX instance_11_series_id_idx ON public.instance_11 USING btree (series_id);



CREATE INDEX instance_12_series_id_idx ON public.instance_12 USING btree (series_id);



CREATE INDEX instance_13_series_id_idx ON public.instance_13 USING btree (series_id);



CREATE INDEX instance_14_series_id_idx ON public.instance_14 USING btree (series_id);



CREATE INDEX instance_15_series_id_idx ON public.instance_15 USING btree (series_id);



CREATE INDEX ix_access_token_capability_id ON public.access_token USING btree (capability_id);



CREATE INDEX ix_access_token_hospital_id ON public.access_token USING btree (hospital_id);



CREATE INDEX ix_api_key_hospital_id ON public.api_key USING btree (hospital_id);



CREATE INDEX ix_audit_event_hospital_id ON public.audit_event USING btree (hospital_id);



CREATE INDEX ix_audit_event_patient_id ON public.audit_event USING btree (patient_id);



CREATE INDEX ix_audit_event_resource ON public.audit_event USING btree (resource);



CREATE INDEX ix_capability_hospital_id ON public.capability USING btree (hospital_id);



CREATE INDEX ix_capability_patient_id ON public.capability USING btree (patient_id);



CREATE INDEX ix_capability_study_hospital_id ON public.capability_study USING btree (hospital_id);



CREATE INDEX ix_capability_study_study_id ON public.capability_study USING btree (study_id);



CREATE INDEX ix_contact_point_hospital_id ON public.contact_point USING btree (hospital_id);



CREATE INDEX ix_contact_point_patient_id ON public.contact_point USING btree (patient_id);



CREATE INDEX ix_contact_point_value_index ON public.contact_point USING btree (value_index);



CREATE INDEX ix_delivery_attempt_hospital_id ON public.delivery_attempt USING btree (hospital_id);



CREATE INDEX ix_delivery_attempt_notification_id ON public.delivery_attempt USING btree (notification_id);



CREATE INDEX ix_delivery_receipt_hospital_id ON public.delivery_receipt USING btree (hospital_id);



CREATE INDEX ix_hospital_key_hospital_id ON public.hospital_key USING btree (hospital_id);



CREATE INDEX ix_idempotency_key_hospital_id ON public.idempotency_key USING btree (hospital_id);



CREATE INDEX ix_imaging_source_hospital_id ON public.imaging_source USING btree (hospital_id);



CREATE INDEX ix_manifest_entry_hospital_id ON public.manifest_entry USING btree (hospital_id);



CREATE INDEX ix_notification_contact_id ON public.notification USING btree (contact_id);



CREATE INDEX ix_notification_hospital_id ON public.notification USING btree (hospital_id);



CREATE INDEX ix_notification_subject_id ON public.notification USING btree (subject_id);



CREATE INDEX ix_opening_hospital_id ON public.opening USING btree (hospital_id);



CREATE INDEX ix_opening_study_id ON public.opening USING btree (study_id);



CREATE INDEX ix_outbox_due ON public.outbox USING btree (due_at) WHERE (closed_at IS NULL);



CREATE INDEX ix_outbox_hospital_id ON public.outbox USING btree (hospital_id);



CREATE INDEX ix_patient_hospital_id ON public.patient USING btree (hospital_id);



CREATE INDEX ix_patient_identifier_hospital_id ON public.patient_identifier USING btree (hospital_id);



CREATE INDEX ix_patient_identifier_patient_id ON public.patient_identifier USING btree (patient_id);



CREATE INDEX ix_quarantine_hospital_id ON public.quarantine USING btree (hospital_id);



CREATE INDEX ix_report_hospital_id ON public.report USING btree (hospital_id);



CREATE INDEX ix_report_service_request_id ON public.report USING btree (service_request_id);



CREATE INDEX ix_series_hospital_id ON public.series USING btree (hospital_id);



CREATE INDEX ix_service_request_hospital_id ON public.service_request USING btree (hospital_id);



CREATE INDEX ix_service_request_patient_id ON public.service_request USING btree (patient_id);



CREATE INDEX ix_session_capability_id ON public.session USING btree (capability_id);



CREATE INDEX ix_session_hospital_id ON public.session USING btree (hospital_id);



CREATE INDEX ix_stored_object_hospital_id ON public.stored_object USING btree (hospital_id);



CREATE INDEX ix_stored_object_pack_id ON public.stored_object USING btree (pack_id);



CREATE INDEX ix_stored_object_study_id ON public.stored_object USING btree (study_id);



CREATE INDEX ix_study_accession ON public.study USING btree (hospital_id, accession_number);



CREATE INDEX ix_study_dicom_patient ON public.study USING btree (hospital_id, dicom_patient_id);



CREATE INDEX ix_study_hospital_id ON public.study USING btree (hospital_id);



CREATE INDEX ix_study_key_hospital_id ON public.study_key USING btree (hospital_id);



CREATE INDEX ix_study_patient_id ON public.study USING btree (patient_id);



CREATE INDEX ix_study_service_request_id ON public.study USING btree (service_request_id);



CREATE INDEX ix_suppression_hospital_id ON public.suppression USING btree (hospital_id);



CREATE INDEX ix_trial_number_hospital_id ON public.trial_number USING btree (hospital_id);



CREATE UNIQUE INDEX uq_outbox_open ON public.outbox USING btree (topic, key) WHERE (closed_at IS NULL);



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_00_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_00_series_id_idx;



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_01_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_01_series_id_idx;



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_02_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_02_series_id_idx;



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_03_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_03_series_id_idx;



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_04_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_04_series_id_idx;



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_05_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_05_series_id_idx;



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_06_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_06_series_id_idx;



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_07_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_07_series_id_idx;



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_08_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_08_series_id_idx;



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_09_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_09_series_id_idx;



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_10_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_10_series_id_idx;



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_11_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_11_series_id_idx;



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_12_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_12_series_id_idx;



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_13_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_13_series_id_idx;



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_14_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_14_series_id_idx;



ALTER INDEX public.pk_instance ATTACH PARTITION public.instance_15_pkey;



ALTER INDEX public.ix_instance_series_id ATTACH PARTITION public.instance_15_series_id_idx;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_00_pkey;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_01_pkey;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_02_pkey;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_03_pkey;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_04_pkey;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_05_pkey;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_06_pkey;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_07_pkey;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_08_pkey;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_09_pkey;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_10_pkey;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_11_pkey;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_12_pkey;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_13_pkey;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_14_pkey;



ALTER INDEX public.pk_instance_version ATTACH PARTITION public.instance_version_15_pkey;



CREATE TRIGGER audit_checkpoint_append_only BEFORE DELETE OR UPDATE ON public.audit_checkpoint FOR EACH ROW EXECUTE FUNCTION public.filmpass_append_only();



CREATE TRIGGER audit_event_append_only BEFORE DELETE OR UPDATE ON public.audit_event FOR EACH ROW EXECUTE FUNCTION public.filmpass_append_only();



CREATE TRIGGER audit_leaf_append_only BEFORE DELETE OR UPDATE ON public.audit_leaf FOR EACH ROW EXECUTE FUNCTION public.filmpass_append_only();



ALTER TABLE ONLY public.access_token
    ADD CONSTRAINT fk_access_token_capability_id FOREIGN KEY (capability_id) REFERENCES public.capability(id);



ALTER TABLE ONLY public.access_token
    ADD CONSTRAINT fk_access_token_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT fk_api_key_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.audit_leaf
    ADD CONSTRAINT fk_audit_leaf_checkpoint_id FOREIGN KEY (checkpoint_id) REFERENCES public.audit_checkpoint(id);



ALTER TABLE ONLY public.audit_leaf
    ADD CONSTRAINT fk_audit_leaf_event_id FOREIGN KEY (event_id) REFERENCES public.audit_event(id);



ALTER TABLE ONLY public.capability
    ADD CONSTRAINT fk_capability_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.capability
    ADD CONSTRAINT fk_capability_patient_id FOREIGN KEY (patient_id) REFERENCES public.patient(id);



ALTER TABLE ONLY public.capability_study
    ADD CONSTRAINT fk_capability_study_capability_id FOREIGN KEY (capability_id) REFERENCES public.capability(id);



ALTER TABLE ONLY public.capability_study
    ADD CONSTRAINT fk_capability_study_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.capability_study
    ADD CONSTRAINT fk_capability_study_study_id FOREIGN KEY (study_id) REFERENCES public.study(id);



ALTER TABLE ONLY public.contact_point
    ADD CONSTRAINT fk_contact_point_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.contact_point
    ADD CONSTRAINT fk_contact_point_patient_id FOREIGN KEY (patient_id) REFERENCES public.patient(id);



ALTER TABLE ONLY public.delivery_attempt
    ADD CONSTRAINT fk_delivery_attempt_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.delivery_attempt
    ADD CONSTRAINT fk_delivery_attempt_notification_id FOREIGN KEY (notification_id) REFERENCES public.notification(id);



ALTER TABLE ONLY public.delivery_receipt
    ADD CONSTRAINT fk_delivery_receipt_attempt_id FOREIGN KEY (attempt_id) REFERENCES public.delivery_attempt(id);



ALTER TABLE ONLY public.delivery_receipt
    ADD CONSTRAINT fk_delivery_receipt_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.hospital_key
    ADD CONSTRAINT fk_hospital_key_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.idempotency_key
    ADD CONSTRAINT fk_idempotency_key_api_key_id FOREIGN KEY (api_key_id) REFERENCES public.api_key(id);



ALTER TABLE ONLY public.idempotency_key
    ADD CONSTRAINT fk_idempotency_key_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.imaging_source
    ADD CONSTRAINT fk_imaging_source_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE public.instance
    ADD CONSTRAINT fk_instance_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE public.instance
    ADD CONSTRAINT fk_instance_series_id FOREIGN KEY (series_id) REFERENCES public.series(id);



ALTER TABLE public.instance
    ADD CONSTRAINT fk_instance_study_id FOREIGN KEY (study_id) REFERENCES public.study(id);



ALTER TABLE public.instance_version
    ADD CONSTRAINT fk_instance_version_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE public.instance_version
    ADD CONSTRAINT fk_instance_version_study_id FOREIGN KEY (study_id) REFERENCES public.study(id);



ALTER TABLE ONLY public.manifest_entry
    ADD CONSTRAINT fk_manifest_entry_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.manifest_entry
    ADD CONSTRAINT fk_manifest_entry_study_id FOREIGN KEY (study_id) REFERENCES public.study(id);



ALTER TABLE ONLY public.notification
    ADD CONSTRAINT fk_notification_contact_id FOREIGN KEY (contact_id) REFERENCES public.contact_point(id);



ALTER TABLE ONLY public.notification
    ADD CONSTRAINT fk_notification_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.notification
    ADD CONSTRAINT fk_notification_subject_id FOREIGN KEY (subject_id) REFERENCES public.study(id);



ALTER TABLE ONLY public.opening
    ADD CONSTRAINT fk_opening_capability_id FOREIGN KEY (capability_id) REFERENCES public.capability(id);



ALTER TABLE ONLY public.opening
    ADD CONSTRAINT fk_opening_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.opening
    ADD CONSTRAINT fk_opening_session_digest FOREIGN KEY (session_digest) REFERENCES public.session(digest);



ALTER TABLE ONLY public.opening
    ADD CONSTRAINT fk_opening_study_id FOREIGN KEY (study_id) REFERENCES public.study(id);



ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT fk_outbox_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.patient
    ADD CONSTRAINT fk_patient_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.patient_identifier
    ADD CONSTRAINT fk_patient_identifier_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.patient_identifier
    ADD CONSTRAINT fk_patient_identifier_patient_id FOREIGN KEY (patient_id) REFERENCES public.patient(id);



ALTER TABLE ONLY public.quarantine
    ADD CONSTRAINT fk_quarantine_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.report
    ADD CONSTRAINT fk_report_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.report
    ADD CONSTRAINT fk_report_service_request_id FOREIGN KEY (service_request_id) REFERENCES public.service_request(id);



ALTER TABLE ONLY public.series
    ADD CONSTRAINT fk_series_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.series
    ADD CONSTRAINT fk_series_study_id FOREIGN KEY (study_id) REFERENCES public.study(id);



ALTER TABLE ONLY public.service_request
    ADD CONSTRAINT fk_service_request_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.service_request
    ADD CONSTRAINT fk_service_request_patient_id FOREIGN KEY (patient_id) REFERENCES public.patient(id);



ALTER TABLE ONLY public.session
    ADD CONSTRAINT fk_session_capability_id FOREIGN KEY (capability_id) REFERENCES public.capability(id);



ALTER TABLE ONLY public.session
    ADD CONSTRAINT fk_session_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.stored_object
    ADD CONSTRAINT fk_stored_object_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.stored_object
    ADD CONSTRAINT fk_stored_object_study_id FOREIGN KEY (study_id) REFERENCES public.study(id);



ALTER TABLE ONLY public.study
    ADD CONSTRAINT fk_study_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.study_key
    ADD CONSTRAINT fk_study_key_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.study_key
    ADD CONSTRAINT fk_study_key_hospital_key_id FOREIGN KEY (hospital_key_id) REFERENCES public.hospital_key(id);



ALTER TABLE ONLY public.study_key
    ADD CONSTRAINT fk_study_key_study_id FOREIGN KEY (study_id) REFERENCES public.study(id);



ALTER TABLE ONLY public.study
    ADD CONSTRAINT fk_study_patient_id FOREIGN KEY (patient_id) REFERENCES public.patient(id);



ALTER TABLE ONLY public.study
    ADD CONSTRAINT fk_study_service_request_id FOREIGN KEY (service_request_id) REFERENCES public.service_request(id);



ALTER TABLE ONLY public.suppression
    ADD CONSTRAINT fk_suppression_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE ONLY public.trial_number
    ADD CONSTRAINT fk_trial_number_hospital_id FOREIGN KEY (hospital_id) REFERENCES public.hospital(id);



ALTER TABLE public.access_token ENABLE ROW LEVEL SECURITY;


CREATE POLICY access_token_hospital ON public.access_token USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



CREATE POLICY access_token_look ON public.access_token FOR SELECT USING ((digest = decode(NULLIF(current_setting('filmpass.digest'::text, true), ''::text), 'hex'::text)));



ALTER TABLE public.api_key ENABLE ROW LEVEL SECURITY;


CREATE POLICY api_key_hospital ON public.api_key USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



CREATE POLICY api_key_look ON public.api_key FOR SELECT USING ((credential_digest = decode(NULLIF(current_setting('filmpass.digest'::text, true), ''::text), 'hex'::text)));



ALTER TABLE public.audit_checkpoint ENABLE ROW LEVEL SECURITY;


CREATE POLICY audit_checkpoint_hospital ON public.audit_checkpoint USING ((current_setting('filmpass.worker'::text, true) = 'on'::text)) WITH CHECK ((current_setting('filmpass.worker'::text, true) = 'on'::text));



ALTER TABLE public.audit_event ENABLE ROW LEVEL SECURITY;


CREATE POLICY audit_event_hospital ON public.audit_event USING (((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid) OR (current_setting('filmpass.worker'::text, true) = 'on'::text))) WITH CHECK (((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid) OR (current_setting('filmpass.worker'::text, true) = 'on'::text)));



ALTER TABLE public.audit_leaf ENABLE ROW LEVEL SECURITY;


CREATE POLICY audit_leaf_hospital ON public.audit_leaf USING ((current_setting('filmpass.worker'::text, true) = 'on'::text)) WITH CHECK ((current_setting('filmpass.worker'::text, true) = 'on'::text));



ALTER TABLE public.capability ENABLE ROW LEVEL SECURITY;


CREATE POLICY capability_hospital ON public.capability USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.capability_study ENABLE ROW LEVEL SECURITY;


CREATE POLICY capability_study_hospital ON public.capability_study USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.contact_point ENABLE ROW LEVEL SECURITY;


CREATE POLICY contact_point_hospital ON public.contact_point USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.delivery_attempt ENABLE ROW LEVEL SECURITY;


CREATE POLICY delivery_attempt_hospital ON public.delivery_attempt USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



CREATE POLICY delivery_attempt_look ON public.delivery_attempt FOR SELECT USING ((id = (NULLIF(current_setting('filmpass.attempt'::text, true), ''::text))::uuid));



ALTER TABLE public.delivery_receipt ENABLE ROW LEVEL SECURITY;


CREATE POLICY delivery_receipt_hospital ON public.delivery_receipt USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.hospital ENABLE ROW LEVEL SECURITY;


CREATE POLICY hospital_hospital ON public.hospital USING ((id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.hospital_key ENABLE ROW LEVEL SECURITY;


CREATE POLICY hospital_key_hospital ON public.hospital_key USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



CREATE POLICY hospital_look ON public.hospital FOR SELECT USING (((code = NULLIF(current_setting('filmpass.name'::text, true), ''::text)) OR (current_setting('filmpass.worker'::text, true) = 'on'::text)));



ALTER TABLE public.idempotency_key ENABLE ROW LEVEL SECURITY;


CREATE POLICY idempotency_key_hospital ON public.idempotency_key USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.imaging_source ENABLE ROW LEVEL SECURITY;


CREATE POLICY imaging_source_hospital ON public.imaging_source USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



CREATE POLICY imaging_source_look ON public.imaging_source FOR SELECT USING ((called_ae_title = NULLIF(current_setting('filmpass.name'::text, true), ''::text)));



ALTER TABLE public.instance ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_00 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_01 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_02 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_03 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_04 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_05 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_06 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_07 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_08 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_09 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_10 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_11 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_12 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_13 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_14 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_15 ENABLE ROW LEVEL SECURITY;


CREATE POLICY instance_hospital ON public.instance USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.instance_version ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_00 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_01 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_02 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_03 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_04 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_05 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_06 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_07 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_08 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_09 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_10 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_11 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_12 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_13 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_14 ENABLE ROW LEVEL SECURITY;


ALTER TABLE public.instance_version_15 ENABLE ROW LEVEL SECURITY;


CREATE POLICY instance_version_hospital ON public.instance_version USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.manifest_entry ENABLE ROW LEVEL SECURITY;


CREATE POLICY manifest_entry_hospital ON public.manifest_entry USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.notification ENABLE ROW LEVEL SECURITY;


CREATE POLICY notification_hospital ON public.notification USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.opening ENABLE ROW LEVEL SECURITY;


CREATE POLICY opening_hospital ON public.opening USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.outbox ENABLE ROW LEVEL SECURITY;


CREATE POLICY outbox_hospital ON public.outbox USING (((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid) OR (current_setting('filmpass.worker'::text, true) = 'on'::text))) WITH CHECK (((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid) OR (current_setting('filmpass.worker'::text, true) = 'on'::text)));



ALTER TABLE public.patient ENABLE ROW LEVEL SECURITY;


CREATE POLICY patient_hospital ON public.patient USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.patient_identifier ENABLE ROW LEVEL SECURITY;


CREATE POLICY patient_identifier_hospital ON public.patient_identifier USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.quarantine ENABLE ROW LEVEL SECURITY;


CREATE POLICY quarantine_hospital ON public.quarantine USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.report ENABLE ROW LEVEL SECURITY;


CREATE POLICY report_hospital ON public.report USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.series ENABLE ROW LEVEL SECURITY;


CREATE POLICY series_hospital ON public.series USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.service_request ENABLE ROW LEVEL SECURITY;


CREATE POLICY service_request_hospital ON public.service_request USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.session ENABLE ROW LEVEL SECURITY;


CREATE POLICY session_hospital ON public.session USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



CREATE POLICY session_look ON public.session FOR SELECT USING ((digest = decode(NULLIF(current_setting('filmpass.digest'::text, true), ''::text), 'hex'::text)));



ALTER TABLE public.stored_object ENABLE ROW LEVEL SECURITY;


CREATE POLICY stored_object_hospital ON public.stored_object USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.study ENABLE ROW LEVEL SECURITY;


CREATE POLICY study_hospital ON public.study USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.study_key ENABLE ROW LEVEL SECURITY;


CREATE POLICY study_key_hospital ON public.study_key USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.suppression ENABLE ROW LEVEL SECURITY;


CREATE POLICY suppression_hospital ON public.suppression USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



ALTER TABLE public.trial_number ENABLE ROW LEVEL SECURITY;


CREATE POLICY trial_number_hospital ON public.trial_number USING ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid)) WITH CHECK ((hospital_id = (NULLIF(current_setting('filmpass.hospital'::text, true), ''::text))::uuid));



GRANT USAGE ON SCHEMA public TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.access_token TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.api_key TO filmpass_app;



GRANT SELECT,INSERT ON TABLE public.audit_checkpoint TO filmpass_app;



GRANT SELECT,INSERT ON TABLE public.audit_event TO filmpass_app;



GRANT SELECT,INSERT ON TABLE public.audit_leaf TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.capability TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.capability_study TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.contact_point TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.delivery_attempt TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.delivery_receipt TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.hospital TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.hospital_key TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.idempotency_key TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.imaging_source TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.instance TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.instance_version TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.manifest_entry TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.notification TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.opening TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.outbox TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.patient TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.patient_identifier TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.quarantine TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.report TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.series TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.service_request TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.session TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.stored_object TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.study TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.study_key TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.suppression TO filmpass_app;



GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.trial_number TO filmpass_app;




