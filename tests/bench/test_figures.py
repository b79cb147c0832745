"""The table of the bench: medians, spread, ratios round by round, and goals."""

from bench.figures import Figure, Table, at_least, at_most, ratio_of_at_least


def table_of(*figures: Figure) -> Table:
    table = Table()
    for figure in figures:
        table.add([figure])
    return table


def test_the_ratio_is_the_median_of_the_rounds_and_not_that_of_the_medians():
    goal = ratio_of_at_least(3)
    pairs = ((300, 100), (900, 200), (400, 400))  # 3x, 4.5x, 1x; the medians alone would give 2x
    table = table_of(*(Figure("STOW", "/s", ours, peer, goal) for ours, peer in pairs))
    assert str(table).splitlines()[-1] == (
        "| STOW | 400 /s [300-900] | 200 /s [100-400] | 3.00x [1.00-4.50] | ≥ 3x | met |"
    )
    assert table.missed == []


def test_a_goal_that_is_not_reached_is_missed():
    table = table_of(
        Figure("slow", "s", 1.2, goal=at_most(1)),
        Figure("few", "", 94, goal=at_least(95)),
        Figure("short", "/s", 2.9, 1, ratio_of_at_least(3)),
    )
    assert table.missed == ["slow", "few", "short"]


def test_without_the_peer_a_ratio_is_neither_met_nor_missed():
    row = table_of(Figure("STOW", "/s", 300, None, ratio_of_at_least(3))).rows["STOW"]
    assert row.cells() == ["STOW", "300 /s", "", "", "≥ 3x", ""]


def test_what_has_a_goal_of_its_own_is_not_compared():
    row = table_of(Figure("p99", "ms", 12.34, 100, at_most(15))).rows["p99"]
    assert row.cells() == ["p99", "12.3 ms", "100 ms", "", "≤ 15", "met"]
