from demo.memory import Memory
from demo.telling import Told


def test_what_is_remembered_comes_back_and_is_private(tmp_path):
    memory = Memory(
        tmp_path / "demo.json", "fpk_x", told=[Told("a CT", "1.2", "http://h/s/T", "1958-03-07", "打开 http://h/s/T")]
    )
    memory.save()
    assert Memory.load(memory.path) == memory
    assert memory.path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_remembered_at_first(tmp_path):
    assert Memory.load(tmp_path / "demo.json") is None


def test_link_and_message_move_with_the_address():
    told = Told("a CT", "1.2", "http://127.0.0.1:8080/s/T", "1958-03-07", "打开 http://127.0.0.1:8080/s/T")
    moved = told.at("https://192.0.2.7:9090")
    assert (moved.link, moved.body) == ("https://192.0.2.7:9090/s/T", "打开 https://192.0.2.7:9090/s/T")
    assert moved.token == told.token == "T"
