"""The bell. RQ carries "there is work for topic X", never the work: a lost bell costs a few seconds, not a message.

Without Redis nothing rings and the workers find the rows by polling.
"""

import threading
import time
from collections.abc import Callable, Collection
from typing import Any

from redis import ConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker, get_current_job
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from typing_extensions import override

from app.core.logs import get_logger

_QUEUE = "filmpass"
_log = get_logger("queue")
_listeners: dict[str, threading.Event] = {}


def rung(topic: str) -> None:
    """Wake the drainer of a topic; the whole of the RQ job. The next bell may be rung from here on."""
    job = get_current_job()
    if job is not None:
        job.connection.delete(_waiting(topic))
    _wake(topic)


def _wake(topic: str) -> None:
    event = _listeners.get(topic)
    if event is not None:
        event.set()


def _waiting(topic: str) -> str:
    """Return the key that stands for a bell on its way; it ends by itself, should a worker die with the bell."""
    return f"filmpass:rung:{topic}"


class _RestingPool(ConnectionPool):
    """Gives no connection for a while after one failed, then tries with one: a Redis that hangs delays few requests."""

    REST_SECONDS = 5.0
    _rests_until = 0.0

    @override
    def get_connection(self, *arguments: Any, **options: Any) -> Any:
        now = time.monotonic()
        if now < self._rests_until:
            raise RedisConnectionError("Redis did not answer a moment ago.")
        if self._rests_until:
            self._rests_until = now + self.REST_SECONDS  # the others need not wait with the one that tries
        try:
            return super().get_connection(*arguments, **options)
        except RedisError:
            self._rests_until = now + self.REST_SECONDS
            raise

    @override
    def release(self, connection: Any) -> None:
        self._rests_until = 0.0 if connection.is_connected else time.monotonic() + self.REST_SECONDS
        super().release(connection)


class Bell:
    """Rings topics over Redis. Every failure is swallowed on purpose: the row is there, and polling finds it."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._redis: Any = None
        if redis_url:
            pool = _RestingPool.from_url(redis_url, socket_timeout=1, socket_connect_timeout=1)
            self._redis = Redis(connection_pool=pool)

    @property
    def redis(self) -> Any:
        """The Redis connection for one word at a time, or None when none is configured."""
        return self._redis

    def listening(self) -> Any:
        """Return a Redis connection that waits for bells; rq lengthens its time limits as it needs."""
        return Redis.from_url(self._url, socket_timeout=2, socket_connect_timeout=2)

    def ring(self, topics: Collection[str]) -> None:
        """Tell the workers that these topics have work. At most one bell per topic waits in the queue."""
        for topic in topics:
            _wake(topic)  # this may be the worker itself, where one piece of work owes the next
        if self._redis is None:
            return
        try:
            queue = Queue(_QUEUE, connection=self._redis, serializer=JSONSerializer)
            for topic in topics:
                if self._redis.set(_waiting(topic), 1, nx=True, ex=30):
                    queue.enqueue(rung, topic, result_ttl=0, failure_ttl=60, ttl=30, description=f"bell {topic}")
        except RedisError:
            _log.warning("bell could not ring; workers poll")


class Listener:
    """Runs one drainer per topic in its own thread, woken by the bell or by the clock."""

    def __init__(self, bell: Bell, drainers: dict[str, Callable[[], float]]) -> None:
        self._bell = bell
        self._drainers = drainers
        self._stop = threading.Event()

    def run(self) -> None:
        """Drain until `stop`; each drainer returns how many seconds it may sleep when nothing rings."""
        for topic in self._drainers:
            _listeners[topic] = threading.Event()
        threads = [threading.Thread(target=self._loop, args=(topic,), name=topic) for topic in self._drainers]
        for thread in threads:
            thread.start()
        self._listen()
        for thread in threads:
            thread.join()

    def stop(self) -> None:
        """Let every drainer finish what it holds, then end."""
        self._stop.set()
        for event in _listeners.values():
            event.set()

    def _loop(self, topic: str) -> None:
        event = _listeners[topic]
        while not self._stop.is_set():
            event.clear()
            try:
                pause = self._drainers[topic]()
            except Exception as error:  # noqa: BLE001  a drainer must outlive any failure, a lost database included
                _log.warning("drainer failed", topic=topic, error=type(error).__name__)
                pause = 2.0
            event.wait(pause)

    def _listen(self) -> None:
        """Take bells until stopped. Every drainer polls as well, so an absent Redis only costs time."""
        if self._bell.redis is None:
            self._stop.wait()
            return
        connection = self._bell.listening()
        while not self._stop.is_set():
            try:
                worker = _BellWorker(
                    [_QUEUE], connection=connection, serializer=JSONSerializer, worker_ttl=30,
                    maintenance_interval=10,
                )  # fmt: skip
                worker.stopped = self._stop
                worker.work(logging_level="WARNING", max_idle_time=2)
            except (RedisError, OSError):
                _log.warning("no Redis; polling")
                self._stop.wait(2)


class _BellWorker(SimpleWorker):  # type: ignore[misc]  # rq ships without types
    """Runs bells in this process. Signals belong to the command that started us."""

    stopped: threading.Event
    max_connection_wait_time = 1.0

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Beat, unless we are to stop: rq asks for a lost Redis again and again and looks at nothing else."""
        if pipeline is None and self.stopped.is_set():
            raise StopRequested
        super().heartbeat(timeout, pipeline)

    def _install_signal_handlers(self) -> None:
        """Leave signal handling to the entrance."""
