"""What is handed down: one frozen value that the factory builds and every entrance gets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from app.core.clock import Clock
from app.core.crypto import KeyFiles
from app.core.settings import Settings
from app.dicom.decode_pool import DecodePool
from app.notify.channels.base import Channel
from app.queue import Bell
from app.services.throttle import Limiter
from app.storage.packs import Store

VerifyCallback = Callable[[str, Any, Mapping[str, str]], bool]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything with a lifetime longer than a request."""

    settings: Settings
    engine: Engine
    keys: KeyFiles
    store: Store
    clock: Clock
    bell: Bell
    limiter: Limiter
    channels: dict[str, Channel]
    decoder: DecodePool
    verify_callback: VerifyCallback | None
