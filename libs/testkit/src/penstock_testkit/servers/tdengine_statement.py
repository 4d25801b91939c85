"""Carries out the statements of TDengine's SQL that its documentation gives for tables, rows and tags."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from penstock_testkit.servers.tdengine_database import Column, Database, Table
from penstock_testkit.servers.tdengine_token import SqlError, Token, syntax_error, tokens_of

Rows = tuple[list[tuple[str, str, int]], list[list[Any]]]
"""Columns, each with its type and length, and rows."""

_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda left, right: left == right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


class Statement:
    """A statement, read from its start on, over the databases of a server; `database` is what it is about."""

    def __init__(self, text: str, databases: dict[str, Database], database: str, version: str) -> None:
        self._words = tokens_of(text)
        self._place = 0
        self._databases = databases
        self._name = database
        self._version = version

    def run(self) -> Rows:
        """Return what it gives; rows that were written are one row with their number."""
        actions = {
            "create": self._create,
            "alter": self._alter,
            "drop": self._drop,
            "describe": self._describe,
            "insert": self._insert,
            "delete": self._delete,
            "select": self._select,
        }
        word = self._next()
        if word.kind != "name" or word.value not in actions:
            raise syntax_error(word.value)
        found = actions[word.value]()
        self._take(";")
        if self._place < len(self._words):
            raise syntax_error(self._words[self._place].value)
        return found

    # The reader of words.

    def _next(self) -> Token:
        if self._place >= len(self._words):
            raise syntax_error("the end")
        self._place += 1
        return self._words[self._place - 1]

    def _take(self, *values: str) -> bool:
        ahead = [each.value for each in self._words[self._place : self._place + len(values)]]
        kinds = {each.kind for each in self._words[self._place : self._place + len(values)]}
        if ahead == list(values) and "text" not in kinds:
            self._place += len(values)
            return True
        return False

    def _expect(self, *values: str) -> None:
        if not self._take(*values):
            raise syntax_error(self._next().value)

    def _identifier(self) -> str:
        word = self._next()
        if word.kind != "name":
            raise syntax_error(word.value)
        return word.value

    def _value(self) -> Any:
        word = self._next()
        if word.kind == "text":
            return word.value
        if word.kind == "number":
            return int(word.value) if word.value.lstrip("+-").isdigit() else float(word.value)
        if word.value in {"true", "false", "null"}:
            return {"true": True, "false": False, "null": None}[word.value]
        raise syntax_error(word.value)

    def _list(self, each: Callable[[], Any]) -> list[Any]:
        found = [each()]
        while self._take(","):
            found.append(each())
        return found

    def _in_parentheses(self, each: Callable[[], Any]) -> list[Any]:
        self._expect("(")
        found = self._list(each)
        self._expect(")")
        return found

    # The statements.

    @property
    def _database(self) -> Database:
        if self._name not in self._databases:
            raise SqlError(0x2616, "Database not specified")
        return self._databases[self._name]

    def _create(self) -> Rows:
        what = self._identifier()
        absent = self._take("if", "not", "exists")
        name = self._identifier()
        if what == "database":
            self._create_database(name)
        elif what == "stable":
            columns = self._columns()
            self._expect("tags")
            tags = self._columns()
            Table(columns={**columns, **tags}).check()
            self._database.supers.setdefault(name, tags)
        elif self._take("using"):
            self._create_child(name)
        elif name in self._database.tables:
            self._columns()
            if not absent:
                raise SqlError(0x2617, "Table already exists")
        else:
            table = Table(columns=self._columns())
            table.check()
            self._database.tables[name] = table
        return _written(0)

    def _create_database(self, name: str) -> None:
        database = Database()
        while self._place < len(self._words):
            option, value = self._identifier(), self._value()
            match option:
                case "precision":
                    database.precision = value
                case "keep":
                    database.keep_minutes = int(value) * 1_440
                case _:
                    raise syntax_error(option)
        self._databases.setdefault(name, database)

    def _create_child(self, name: str) -> None:
        parent = self._identifier()
        if parent not in self._database.supers:
            raise SqlError(0x2603, "Table does not exist")
        self._expect("tags")
        tags = dict(zip(self._database.supers[parent], self._in_parentheses(self._value), strict=True))
        for each, column in self._database.supers[parent].items():
            if len(tags[each]) > column.length:
                raise SqlError(0x2653, "Value too long for column/tag")
        self._database.tables.setdefault(name, Table(columns={}, tags=tags, parent=parent))

    def _columns(self) -> dict[str, Column]:
        return dict(self._in_parentheses(self._column))

    def _column(self) -> tuple[str, Column]:
        return self._identifier(), self._type()

    def _type(self) -> Column:
        kind, length = self._identifier().upper(), 0
        if kind in {"NCHAR", "VARCHAR", "DECIMAL"}:
            length = int(self._in_parentheses(self._value)[0])
        return Column(kind=kind, length=length)

    def _alter(self) -> Rows:
        self._expect("table")
        table = self._database.table(self._identifier())
        change = table.add if self._take("add", "column") else table.widen
        if change == table.widen:
            self._expect("modify", "column")
        change(*self._column())
        return _written(0)

    def _drop(self) -> Rows:
        self._expect("table")
        absent = self._take("if", "exists")
        name = self._identifier()
        if name not in self._database.tables and not absent:
            raise SqlError(0x2603, "Table does not exist")
        self._database.tables.pop(name, None)
        return _written(0)

    def _describe(self) -> Rows:
        columns = self._database.table(self._identifier()).columns
        return (
            [("field", "VARCHAR", 64), ("type", "VARCHAR", 12), ("length", "INT", 4), ("note", "VARCHAR", 4)],
            [[name, each.kind, each.length or each.size, ""] for name, each in columns.items()],
        )

    def _insert(self) -> Rows:
        self._expect("into")
        parts: list[tuple[str, list[str], list[list[Any]]]] = []
        while self._place < len(self._words) and not self._take(";"):
            name, columns = self._identifier(), self._in_parentheses(self._identifier)
            self._expect("values")
            rows: list[list[Any]] = []
            while self._place < len(self._words) and self._words[self._place].value == "(":
                rows.append(self._in_parentheses(self._value))
            parts.append((name, columns, rows))
        return _written(sum(self._database.insert(*part) for part in parts))

    def _delete(self) -> Rows:
        self._expect("from")
        table = self._database.table(self._identifier())
        fits = self._where()
        gone = [at for at, row in table.rows.items() if fits(row)]
        for at in gone:
            del table.rows[at]
        return _written(len(gone))

    def _select(self) -> Rows:
        if self._take("server_version", "(", ")"):
            return [("server_version()", "VARCHAR", 32)], [[self._version]]
        if self._take("tags"):
            return self._select_tags()
        items = self._list(self._item)
        self._expect("from")
        source = self._identifier()
        if source == "information_schema":
            self._expect(".")
            columns, rows = self._system(self._identifier())
        else:
            table = self._database.table(source)
            columns = table.columns
            rows = [table.rows[at] for at in sorted(table.rows)]
        return self._selected(items, columns, rows)

    def _select_tags(self) -> Rows:
        names = self._list(self._identifier)
        self._expect("from")
        parent = self._identifier()
        if parent not in self._database.supers:
            raise SqlError(0x2603, "Table does not exist")
        fits = self._where()
        found = [each.tags for each in self._database.tables.values() if each.parent == parent and fits(each.tags)]
        columns = self._database.supers[parent]
        return (
            [(name, columns[name].kind, columns[name].length) for name in names],
            [[tags[name] for name in names] for tags in found],
        )

    def _item(self) -> tuple[str, str, bool]:
        """Return what is done with a column, which one, and whether its time is given as an integer."""
        if self._take("count", "(", "*", ")"):
            return "count", "", False
        if self._take("cast", "("):
            reduce = next((each for each in ("first", "last") if self._take(each, "(")), "")
            name = self._identifier()
            if reduce:
                self._expect(")")
            self._expect("as", "bigint", ")")
            return reduce, name, True
        return "", self._identifier(), False

    def _selected(
        self, items: list[tuple[str, str, bool]], columns: Mapping[str, Column], rows: list[dict[str, Any]]
    ) -> Rows:
        for _, name, _ in items:
            if name and name not in columns:
                raise SqlError(0x2602, f"Invalid column name: {name}")
        fits = self._where()
        rows = [row for row in rows if fits(row)]
        if self._take("order", "by"):
            name = self._identifier()
            rows.sort(key=lambda row: row[name], reverse=self._take("desc"))
            self._take("asc")
        if self._take("limit"):
            rows = rows[: int(self._value())]
        if any(reduce for reduce, _, _ in items):
            rows = [{f"{reduce}{name}": _reduced(reduce, name, rows) for reduce, name, _ in items}]
        head = [(name, "BIGINT" if plain else columns[name].kind if name else "BIGINT", 8) for _, name, plain in items]
        return head, [[row.get(f"{reduce}{name}") for reduce, name, _ in items] for row in rows]

    def _system(self, name: str) -> tuple[dict[str, Column], list[dict[str, Any]]]:
        if name == "ins_databases":
            rows: list[dict[str, Any]] = [
                {"name": each, "precision": known.precision, "keep": ",".join([f"{known.keep_minutes}m"] * 3)}
                for each, known in self._databases.items()
            ]
        elif name == "ins_tables":
            rows = [
                {"table_name": each, "db_name": database}
                for database, known in self._databases.items()
                for each in known.tables
            ]
        else:
            raise SqlError(0x2603, "Table does not exist")
        return {each: Column(kind="VARCHAR", length=192) for row in rows or [{}] for each in row} | _NAMES[name], rows

    def _where(self) -> Callable[[Mapping[str, Any]], bool]:
        tests: list[tuple[str, str, Any]] = []
        if self._take("where"):
            while True:
                name, word = self._identifier(), self._next()
                if word.value == "in":
                    tests.append((name, "in", self._in_parentheses(self._value)))
                elif word.value in _COMPARE:
                    tests.append((name, word.value, self._value()))
                else:
                    raise syntax_error(word.value)
                if not self._take("and"):
                    break
        return lambda row: all(
            row[name] in operand if operator == "in" else _COMPARE[operator](row[name], operand)
            for name, operator, operand in tests
        )


_NAMES: Final = {
    "ins_databases": {each: Column(kind="VARCHAR", length=64) for each in ("name", "precision", "keep")},
    "ins_tables": {each: Column(kind="VARCHAR", length=192) for each in ("table_name", "db_name")},
}


def _reduced(reduce: str, name: str, rows: list[dict[str, Any]]) -> Any:
    match reduce:
        case "count":
            return len(rows)
        case "first":
            return rows[0][name] if rows else None
        case _:
            return rows[-1][name] if rows else None


def _written(rows: int) -> Rows:
    return [("affected_rows", "INT", 4)], [[rows]]
