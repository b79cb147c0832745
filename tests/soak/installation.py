"""A fresh installation for a schedule: one node with a disk of its own, or two over one object store."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests import databases, stores
from tests.databases import Database
from tests.soak.balancer import balancer
from tests.soak.board import Board
from tests.soak.cluster import Cluster, cluster
from tests.soak.zygote import Zygote, zygote
from tests.stand import Stand, standing


@dataclass(frozen=True)
class Workshop:
    """What is slow to make and shared by all schedules of a batch; `store` is the address of an S3 server."""

    zygote: Zygote
    template: Path
    cluster: Cluster | None
    store: str

    @contextmanager
    def database(self, folder: Path) -> Iterator[Database]:
        """Give an empty, migrated database."""
        if self.cluster is None:
            with databases.sqlite(self.template, folder) as made:
                yield made
        else:
            with databases.postgresql(self.cluster.server, self.template.parent) as made:
                yield made


@contextmanager
def workshop(*, postgresql: bool, nodes: int = 1) -> Iterator[Workshop]:
    """Make what the schedules share."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="filmpass-soak-")))
        template, store = folder / "filmpass.db", ""
        if not postgresql:
            databases.migrate(f"sqlite:///{template}", folder)
        if nodes > 1:
            stack.enter_context(contextmanager(stores.in_this_process)())
            store = stack.enter_context(stores.moto())
        made = stack.enter_context(cluster()) if postgresql else None
        yield Workshop(stack.enter_context(zygote()), template, made, store)


@dataclass(frozen=True)
class Installation:
    """The nodes, and the two ports by which a hospital reaches whichever of them is there."""

    stands: list[Stand]
    http_port: int
    dimse_port: int


@contextmanager
def installation(shop: Workshop, folder: Path, database: Database) -> Iterator[Installation]:
    """Prepare the nodes; nothing is started yet."""
    Board(folder / "board").close()
    with ExitStack() as stack:
        launch = shop.zygote.launcher(folder)
        if not shop.store:
            stand = stack.enter_context(standing(folder, database, launch, decode_workers=1))
            yield Installation([stand], stand.http_port, stand.dimse_port)
            return
        http_ports: list[int] = []
        dimse_ports: list[int] = []
        http, dimse = (stack.enter_context(balancer(ports)) for ports in (http_ports, dimse_ports))
        shared = {
            "decode_workers": 1,
            "object_store": f"s3://{stores.BUCKET}/{os.urandom(8).hex()}",
            "s3_endpoint_url": shop.store,
            "public_url": f"http://127.0.0.1:{http.port}",
            "keys_folder": folder / "keys",
            "redis_url": f"unix://{folder / 'valkey.sock'}",
        }
        first = stack.enter_context(standing(folder, database, launch, **shared))
        (folder / "2").mkdir()
        second = Stand(folder / "2", database, first.carrier, shared, shop.zygote.launcher(folder, "-2"))
        stack.callback(second.close)
        http_ports += [first.http_port, second.http_port]
        dimse_ports += [first.dimse_port, second.dimse_port]
        yield Installation([first, second], http.port, dimse.port)
