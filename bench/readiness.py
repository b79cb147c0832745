"""From the last instance to the patient's phone."""

from collections.abc import Iterator

from bench.figures import Figure, at_most
from bench.stage import Stage


def ready(stage: Stage) -> Iterator[Figure]:
    """From the call that a study is complete to its last preview, and from the last instance to the carrier's yes."""
    told, plain = stage.told, f"{stage.slices} CT uncompressed"
    yield Figure(f"{plain}: call to previews", "s", told.ready_after, goal=at_most(1))
    yield Figure(f"{plain}: last instance to message accepted", "s", told.accepted_after, goal=at_most(3))
    yield Figure(f"{plain}: CPU each", "ms", told.cpu_each)
    stage.tell("j2k", 8)
    compressed, name = stage.tell("j2k", stage.slices), f"{stage.slices} CT JPEG 2000 lossless"
    yield Figure(f"{name}: call to previews", "s", compressed.ready_after, goal=at_most(4))
    yield Figure(f"{name}: CPU each", "ms", compressed.cpu_each)
