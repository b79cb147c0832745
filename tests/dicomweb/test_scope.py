"""One code path for every root: under the scope of a link, `query AND scope`; what is refused looks like what is not."""

import pytest

from app.access.actions import Action
from app.access.load.instances import Address
from app.access.load.links import open_link
from app.access.scope import StudyScope
from app.core.errors import NotFound
from app.core.identifiers import digest_of
from app.dicom.query import Level, parse_query
from app.models.imaging import Study
from app.services import archives, metadata, renditions, retrieval, search
from app.services.unit_of_work import reading
from tests import factories as make
from tests.dicomweb.conftest import describe

pytestmark = [pytest.mark.flow, pytest.mark.both_databases]
ROOT = "https://films.example/g/abc/dicom-web"


@pytest.fixture
def two(parts):
    """A patient with a link to one study, and another study of the same hospital."""
    case = make.make_case(parts, pictures=2)
    other = make.make_study_ready(parts, case.hospital, make.make_order(parts, case.hospital, case.patient), pictures=2)
    opened = make.open_link(parts, make.make_link(parts, case))
    with reading(parts, case.scope) as session:
        principal = open_link(session, digest_of(opened.secret), opened.public_id).principal
        uids = [session.get_one(Study, study).study_instance_uid for study in (case.study, other)]
    describe(parts)
    scope = StudyScope(root=ROOT, principal=principal, hospital_id=case.hospital, capability_id=principal.capability_id)
    return case, scope, *uids


def found(parts, scope, query="", level=Level.STUDY, study=None):
    pairs = [tuple(pair.split("=")) for pair in query.split("&") if pair]
    answer = search.search(parts, scope, parse_query(pairs, level), study=study, series=None)
    return [item["0020000D"]["Value"][0] for item in answer.items], answer


def test_a_search_answers_query_and_scope(parts, two):
    _, scope, own, other = two
    assert found(parts, scope)[0] == [own]
    assert found(parts, scope, "PatientName=*")[0] == [own]
    assert found(parts, scope, f"StudyInstanceUID={other}")[0] == []
    assert set(found(parts, scope, "", Level.INSTANCE)[0]) == {own}
    assert found(parts, scope, "", Level.SERIES, other)[0] == []


def test_addresses_carry_the_root_they_came_by(parts, two):
    _, scope, own, _ = two
    (item,) = found(parts, scope)[1].items
    assert item["00081190"]["Value"] == [f"{ROOT}/studies/{own}"]
    text = metadata.find_metadata(parts, scope, Address(own)).json()
    assert f'"BulkDataURI":"{ROOT}/studies/{own}/'.encode() in text
    assert b"\x01" not in text


def test_what_may_be_viewed_may_not_be_taken_away(parts, two):
    _, scope, own, _ = two
    for action in (Action.STUDY_RENDERED, Action.STUDY_FRAMES):
        assert len(retrieval.find_instances(parts, scope, Address(own), action)) == 2
    for action in (Action.INSTANCE_DOWNLOAD, Action.BULK_DOWNLOAD, Action.ARCHIVE_DOWNLOAD):
        with pytest.raises(NotFound):
            retrieval.find_instances(parts, scope, Address(own), action)
    with pytest.raises(NotFound):
        archives.archive_of(parts, scope, own)


def test_another_study_is_as_absent_as_none(parts, two):
    _, scope, _, other = two
    for study in (other, "1.2.3.4"):
        for look in (
            lambda study=study: metadata.find_metadata(parts, scope, Address(study)),
            lambda study=study: retrieval.find_instances(parts, scope, Address(study), Action.STUDY_RENDERED),
            lambda study=study: renditions.series_thumbnail(parts, scope, Address(study)),
        ):
            with pytest.raises(NotFound):
                look()


def test_a_hold_closes_every_door_at_the_next_request(parts, two):
    case, scope, own, _ = two
    make.change(parts, case, Study, case.study, held_at=parts.clock())
    assert found(parts, scope)[0] == []
    with pytest.raises(NotFound):
        metadata.find_metadata(parts, scope, Address(own))
    with pytest.raises(NotFound):
        retrieval.find_instances(parts, scope, Address(own), Action.STUDY_FRAMES)
