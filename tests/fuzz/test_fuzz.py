"""A short run of each target with a seed of its own, so that `make fuzz` works when it is wanted."""

import random

import hypothesis
import pytest

from app.dicom.decode_pool import DecodePool
from tests.fuzz.documents import Documents
from tests.fuzz.files import Files
from tests.fuzz.mutations import mutated, mutated_json
from tests.fuzz.parsers import PROPERTIES

SEED = 4
FEW = 300


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_of_what_reads_strangers_text(holds):
    hypothesis.settings(max_examples=FEW, database=None, deadline=None)(hypothesis.seed(SEED)(holds))()


@pytest.mark.flow
def test_mutated_files_end_in_pictures_or_in_a_reason():
    with DecodePool(2, memory_bytes=256 << 20, seconds_per_instance=10) as pool:
        files = Files(pool)
        became = {files.try_one(random.Random(SEED + number)).partition(":")[0] for number in range(FEW)}
        files.check()
    assert {"shown", "decoder_failed", "no_pixel_data"} <= became


@pytest.mark.both_databases
def test_mutated_documents_are_never_a_mistake_of_ours(parts):
    documents = Documents(parts)
    became = {documents.try_one(random.Random(SEED + number)) for number in range(FEW)}
    documents.check()
    assert {"200", "400", "404", "422"} <= became


def test_a_seed_gives_the_same_mutation_again():
    data, document = bytes(range(256)) * 4, {"a": [1, {"b": "c"}]}
    for seed in range(50):
        assert mutated(random.Random(seed), data, b"other") == mutated(random.Random(seed), data, b"other")
        assert mutated_json(random.Random(seed), document, {}) == mutated_json(random.Random(seed), document, {})
    assert len({mutated(random.Random(seed), data, b"other") for seed in range(50)}) > 40
