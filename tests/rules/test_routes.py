"""Every way in says who may enter, and one that does not is closed."""

from app.web.authentication import Who, declared
from app.web.picture_lane import LANES


def test_every_route_declares_who_may_enter(app):
    undeclared = [rule.rule for rule in app.url_map.iter_rules() if declared(app, rule.endpoint) is None]
    assert undeclared == []


def test_routes_of_a_hospitals_system_declare_an_action(app):
    for rule in app.url_map.iter_rules():
        who, action = declared(app, rule.endpoint)
        if who is Who.HOSPITAL_CLIENT:
            assert action is not None, rule.rule


def test_the_lane_in_front_declares_too():
    assert LANES
    for who, action in LANES.values():
        assert who is Who.LINK_SESSION
        assert action is not None


def test_an_undeclared_route_answers_403(app, client):
    app.add_url_rule("/undeclared", view_func=lambda: "reached")
    answer = client.get("/undeclared")
    assert answer.status_code == 403
    assert answer.json["code"] == "forbidden"
