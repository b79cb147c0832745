"""A statement of the hot path: compiled once, then run by the driver itself, without SQLAlchemy's part in it.

What SQLAlchemy does at each execution takes several times as long as the database does.
"""

from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Dialect, Select

_CONVERSIONS = 1024


class Prepared:
    """A `SELECT` for one dialect.

    Parameters
    ----------
    statement : Select
        With a name of its own for each column.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        columns = list(statement.selected_columns)
        self._sql = str(compiled)
        self._order: list[str] | None = getattr(compiled, "positiontup", None)  # None: the driver takes names
        self._given = dict(compiled.params)
        self._bind = {name: bind for name, bind in _binders(compiled, dialect) if bind is not None}
        self._conversions: dict[tuple[Any, ...], Any] = {}
        self._convert = [_converter(column.type, dialect) for column in columns]
        self._row: Any = namedtuple("Row", [str(column.key) for column in columns])  # type: ignore[misc]  # noqa: PYI024  names are known at run time

    def first(self, connection: Connection, **parameters: Any) -> Any:
        """Return the first row, its values by name and of the types that SQLAlchemy gives; None when there is none."""
        rows = self._fetched(connection, parameters, 1)
        return self._converted(rows[0]) if rows else None

    def all(self, connection: Connection, **parameters: Any) -> list[Any]:
        """Return all rows, as `first` returns one."""
        return [self._make(row) for row in self._fetched(connection, parameters, None)]

    def _fetched(self, connection: Connection, parameters: dict[str, Any], most: int | None) -> Any:
        values = self._given | parameters
        for name in self._bind.keys() & values.keys():
            values[name] = self._bind[name](values[name])
        cursor = connection.connection.cursor()
        try:
            cursor.execute(self._sql, tuple(map(values.__getitem__, self._order)) if self._order else values)
            return cursor.fetchall() if most is None else cursor.fetchmany(most)
        finally:
            cursor.close()

    def _converted(self, row: tuple[Any, ...]) -> Any:
        """Convert a row, unless the same values were converted before: as when one study is looked through."""
        try:
            converted = self._conversions.get(row)
        except TypeError:  # a driver that gives JSON as a mapping, which is no key, has converted the rest as well
            return self._make(row)
        if converted is None:
            if len(self._conversions) >= _CONVERSIONS:
                self._conversions.clear()
            self._conversions[row] = converted = self._make(row)
        return converted

    def _make(self, row: tuple[Any, ...]) -> Any:
        return self._row._make([convert(value) for convert, value in zip(self._convert, row, strict=True)])


def _binders(compiled: Any, dialect: Dialect) -> Iterator[tuple[str, Callable[[Any], Any] | None]]:
    for name, parameter in compiled.binds.items():
        yield name, parameter.type.dialect_impl(dialect).bind_processor(dialect)


def _converter(kind: Any, dialect: Dialect) -> Callable[[Any], Any]:
    return kind.dialect_impl(dialect).result_processor(dialect, None) or _as_it_is


def _as_it_is(value: Any) -> Any:
    return value
