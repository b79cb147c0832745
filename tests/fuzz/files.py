"""Mutated files through the scan of their head and the children that decode them."""

import contextlib
from random import Random

from app.dicom.decode_pool import DecodePool
from app.dicom.instance import NeedMoreBytes, UnreadableInstance, parse_dataset_header, parse_header
from app.dicom.render import NotRenderable
from tests.app.dicom.samples import pydicom_file, real_files
from tests.fuzz.mutations import mutated
from tests.hostile.encoding import PIXEL_DATA, tagged
from tests.hostile.files import strangers

_SEED_BYTES = 100_000
_PIXEL_DATA = tagged(PIXEL_DATA)
_HEALTHY = pydicom_file("CT_small.dcm")


class Files:
    """Files to mutate, and a pool that must outlive them."""

    def __init__(self, pool: DecodePool) -> None:
        small = [path for path in real_files() if path.stat().st_size <= _SEED_BYTES]
        generated = [stranger.file for stranger in strangers("1.2.826.7.9")]
        seeds = [path.read_bytes() for path in small] + [file for file in generated if len(file) <= _SEED_BYTES]
        self._seeds = seeds + [seed for seed in seeds if _PIXEL_DATA in seed] * 3  # they reach the decoders
        self._pool = pool
        self.last = b""

    def try_one(self, random: Random) -> str:
        """Try a mutated file; returns what became of its picture."""
        self.last = mutated(random, random.choice(self._seeds), random.choice(self._seeds))
        for complete in (True, False):
            with contextlib.suppress(UnreadableInstance, NeedMoreBytes):
                parse_header(self.last, complete=complete)
            with contextlib.suppress(UnreadableInstance, NeedMoreBytes):
                parse_dataset_header(self.last[132:], "1.2.840.10008.1.2.1", complete=complete)
        for give in (self._pool.explicit, lambda file: self._pool.native_frames(file, [1])):
            with contextlib.suppress(NotRenderable):
                give(self.last)
        frames = self._pool.render(self.last).frames
        assert frames
        return next((f"{frame.code}: {frame.reason}" for frame in frames if isinstance(frame, NotRenderable)), "shown")

    def check(self) -> None:
        """Require that a healthy file is still shown."""
        self.last = _HEALTHY.read_bytes()
        assert not any(isinstance(frame, NotRenderable) for frame in self._pool.render(self.last).frames)
