"""Volume limits: fixed windows in Redis, or in this process while Redis is away. Tries are never counted here."""

import threading
import time
from typing import Any

from redis.exceptions import RedisError

from app.core.errors import TooOften


class Limiter:
    """Counts per key and window of one minute."""

    WINDOW_SECONDS = 60

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._local: dict[str, int] = {}
        self._lock = threading.Lock()

    def check(self, key: str, limit: int) -> None:
        """Count one use of `key`.

        Raises
        ------
        TooOften
            Beyond `limit` uses in this minute.
        """
        window = int(time.time()) // self.WINDOW_SECONDS
        if self._count(f"filmpass:limit:{key}:{window}") > limit:
            wait = self.WINDOW_SECONDS - int(time.time()) % self.WINDOW_SECONDS
            raise TooOften(f"More than {limit} a minute. Try again in {wait} seconds.", retry_after=wait)

    def _count(self, name: str) -> int:
        if self._redis is not None:
            try:
                pipeline = self._redis.pipeline()
                pipeline.incr(name)
                pipeline.expire(name, self.WINDOW_SECONDS * 2)
                return int(pipeline.execute()[0])
            except RedisError:
                pass
        with self._lock:
            if len(self._local) > 10_000:
                self._local.clear()
            self._local[name] = self._local.get(name, 0) + 1
            return self._local[name]
