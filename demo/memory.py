"""What one start remembers for the next: the hospital's key, and the messages that were sent."""

import json
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from demo.premises import write_private
from demo.telling import Told


@dataclass(slots=True)
class Memory:
    """Kept in a private file. `seed` and `started_at` make the demo's studies: sent again, they are the same."""

    path: Path
    api_key: str
    seed: uuid.UUID = field(default_factory=uuid.uuid4)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    told: list[Told] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> "Memory | None":
        """Read the file; None when there is none."""
        if not path.exists():
            return None
        kept = json.loads(path.read_text(encoding="utf-8"))
        told = [Told(**item) for item in kept["told"]]
        return cls(path, kept["api_key"], uuid.UUID(kept["seed"]), datetime.fromisoformat(kept["started_at"]), told)

    def save(self) -> None:
        """Write the whole file."""
        kept = {
            "api_key": self.api_key,
            "seed": str(self.seed),
            "started_at": self.started_at.isoformat(),
            "told": [asdict(item) for item in self.told],
        }
        write_private(self.path, json.dumps(kept, ensure_ascii=False, indent=2) + "\n")
