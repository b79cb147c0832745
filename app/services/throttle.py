"""Volume limits: fixed windows in Redis, or in this process while Redis is away. Tries are never counted here."""

import threading
import time
from collections import Counter
from typing import Any

from redis.exceptions import RedisError

from app.core.errors import TooOften

KEPT_HERE = 10_000
"""How many keys this process counts at most; a flood of others pushes out those that counted least."""


class Limiter:
    """Counts per key and window of one minute."""

    WINDOW_SECONDS = 60

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._window = 0
        self._here: Counter[str] = Counter()
        self._lock = threading.Lock()

    def check(self, key: str, limit: int) -> None:
        """Count one use of `key`.

        Raises
        ------
        TooOften
            Beyond `limit` uses in this minute.
        """
        now = int(time.time())
        if self._count(key, now // self.WINDOW_SECONDS) > limit:
            wait = self.WINDOW_SECONDS - now % self.WINDOW_SECONDS
            raise TooOften(f"More than {limit} a minute. Try again in {wait} seconds.", retry_after=wait)

    def _count(self, key: str, window: int) -> int:
        if self._redis is not None:
            name = f"filmpass:limit:{key}:{window}"
            try:
                pipeline = self._redis.pipeline()
                pipeline.incr(name)
                pipeline.expire(name, self.WINDOW_SECONDS * 2)
                return int(pipeline.execute()[0])
            except RedisError:
                pass
        return self._count_here(key, window)

    def _count_here(self, key: str, window: int) -> int:
        with self._lock:
            if window != self._window:
                self._window, self._here = window, Counter()
            self._here[key] += 1
            count = self._here[key]
            if len(self._here) > KEPT_HERE:
                self._here = Counter(dict(self._here.most_common(KEPT_HERE // 2)))
            return count
