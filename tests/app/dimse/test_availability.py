"""Instance Availability Notification: what a hospital's archive says belongs to a study."""

import pytest
from sqlalchemy import select

from app.audit.events import Event
from app.jobs import drain
from app.models.imaging import ManifestEntry, Study
from app.services.unit_of_work import Scope, reading
from tests import factories
from tests.app.dimse.requester import available, notify
from tests.app.dimse.senders import association, instance

STUDY = "1.2.826.9.1"


def studies(site):
    with reading(site.parts, Scope(hospital=site.hospital)) as session:
        return session.scalars(select(Study)).all()


def promised(site):
    with reading(site.parts, Scope(hospital=site.hospital)) as session:
        return set(session.scalars(select(ManifestEntry.sop_instance_uid)))


def send(site, *numbers):
    with association(site) as made:
        for number in numbers:
            assert made.send_c_store(instance(number, STUDY)).Status == 0


@pytest.mark.both_databases
def test_a_study_is_complete_once_all_that_its_archive_named_is_here(site):
    uids = [instance(number, STUDY).SOPInstanceUID for number in (1, 2)]
    assert notify(site, available(STUDY, [(uids[0], "ONLINE")], [(uids[1], "NEARLINE")])).Status == 0x0000
    assert promised(site) == set(uids)
    send(site, 1)
    drain.drain_all(site.parts)
    assert [study.state for study in studies(site)] == ["receiving"]
    send(site, 2)
    drain.drain_all(site.parts)
    (study,) = studies(site)
    assert (study.state, study.completed_by, study.expected_instances) == ("ready", "manifest", 2)


def test_a_notification_after_the_instances_completes_them_at_once(site):
    send(site, 1)
    assert notify(site, available(STUDY, [(instance(1, STUDY).SOPInstanceUID, "ONLINE")])).Status == 0x0000
    drain.drain_all(site.parts)
    (study,) = studies(site)
    assert (study.state, study.completed_by) == ("ready", "call")


def test_what_can_be_had_no_more_is_not_waited_for(site):
    assert notify(site, available(STUDY, [("1.2.3", "ONLINE"), ("1.2.4", "UNAVAILABLE")])).Status == 0x0000
    assert promised(site) == {"1.2.3"}
    assert notify(site, available("1.2.99", [("1.2.5", "UNAVAILABLE")])).Status == 0x0000
    assert [study.study_instance_uid for study in studies(site)] == [STUDY]


def test_the_answer_names_the_instance_that_was_made(site):
    told = available(STUDY, [("1.2.3", "ONLINE")])
    assert notify(site, told, "1.2.826.88.1").AffectedSOPInstanceUID == "1.2.826.88.1"
    assert notify(site, told, None).AffectedSOPInstanceUID.startswith("2.25.")


def test_what_lacks_its_study_or_instances_is_answered_0120_and_leaves_nothing(site):
    nameless, empty = available(STUDY, [("1.2.3", "ONLINE")]), available(STUDY, [])
    del nameless.StudyInstanceUID
    assert {notify(site, told).Status for told in (nameless, empty)} == {0x0120}
    assert studies(site) == []


def test_a_malformed_uid_is_answered_0106(site):
    with pytest.warns(UserWarning, match="Invalid value for VR UI"):
        told = available("1.2.x", [("1.2.3", "ONLINE")])
    answer = notify(site, told)
    assert (answer.Status, answer.ErrorComment) == (0x0106, "Study Instance UID is malformed (PS3.5 9.1).")


def test_the_call_is_written_down_with_the_source_that_made_it(site):
    notify(site, available(STUDY, [("1.2.3", "ONLINE")]))
    (event,) = factories.events(site.parts, Event.STUDY_CALLED_COMPLETE)
    assert (event.actor, event.reason) == (f"source:{site.source}", "availability")
