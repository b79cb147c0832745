"""Another look of a series by its address: on its way, then there; its pictures go by the lane."""

import numpy as np
import pytest

from app.jobs.drain import drain
from app.services import previews
from tests import factories as make
from tests import objects


@pytest.fixture
def chest(parts, client):
    """Open a study with a chest CT in Hounsfield units as its second series; returns the address."""
    case = make.make_case(parts, pictures=1)
    dataset = objects.object_of("1.2.840.10008.5.1.4.1.1.2", "CT")
    dataset.BodyPartExamined, dataset.RescaleIntercept, dataset.RescaleSlope = "CHEST", -1024, 1
    dataset.set_pixel_data(np.full((16, 16), 424, np.uint16), "MONOCHROME2", 12, generate_instance_uid=False)
    make.add_series(parts, case, 5, dataset)
    opened = make.open_link(parts, make.make_link(parts, case))
    client.set_cookie("__Host-filmpass", opened.secret, secure=True, path="/", domain="localhost")
    return f"/v/{opened.public_id}"


def test_it_is_202_on_its_way_and_then_there(parts, client, chest):
    assert f'href="{chest}/series/2?w=lung&amp;i=1"' in client.get(f"{chest}/series/2").text
    page = client.get(f"{chest}/series/2?w=lung&i=1", headers={"Accept-Language": "en"})
    assert page.status_code == 202
    assert "“Lung” is being prepared" in page.text
    waiting = client.get(f"{chest}/series/2/index.json?w=lung")
    assert (waiting.status_code, waiting.headers["Retry-After"]) == (202, "1")
    assert client.get(f"{chest}/p/2/1/lung.jpg").status_code == 404
    drain(parts, previews.RENDER_LOOK)
    page = client.get(f"{chest}/series/2?w=lung&i=1")
    assert page.status_code == 200
    assert f'src="{chest}/p/2/1/lung.jpg"' in page.text
    assert client.get(f"{chest}/series/2/index.json?w=lung").json["count"] == 1
    assert client.get(f"{chest}/p/2/1/lung.jpg").data != client.get(f"{chest}/p/2/1.jpg").data
    assert client.get(f"{chest}/q/2/1/lung.jpg").status_code == 200


@pytest.mark.parametrize("name", ["liver", "..", "%00", "a" * 200, "state-1.2.3"])
def test_a_look_that_is_not_offered_is_the_pictures_as_they_are(client, chest, name):
    assert client.get(f"{chest}/series/2?w={name}").status_code == 200
    assert client.get(f"{chest}/series/2/index.json?w={name}").json["count"] == 1
    assert client.get(f"{chest}/p/2/1/{name}.jpg").status_code == 404
