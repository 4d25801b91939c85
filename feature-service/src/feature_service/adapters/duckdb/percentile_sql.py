"""The SELECTs that tell more of a range than its statistics: times of extremes, percentiles, counts of values."""

# ruff: noqa: S608 - only names made in this package are written into statements

from typing import Final

from feature_service.adapters.duckdb import telemetry_sql as sql
from feature_service.domain.model.series import FieldKind
from feature_service.domain.telemetry.query import StatisticsQuery

MOST_VALUES: Final = 20


def insight(source: sql.Source, query: StatisticsQuery) -> sql.Statement:
    """Select per field the time of its minimum and maximum (microseconds), and a list of its percentiles."""
    kinds = dict.fromkeys(query.fields, FieldKind.NUMBER)
    rows = sql.newest([source], kinds, query.span, query.conditions)
    shares = ", ".join(repr(each / 100) for each in query.percentiles)
    columns: list[str] = []
    for index in range(len(query.fields)):
        if query.extreme_times:
            # Of equal values the first counts.
            lowest, highest = (
                f"(SELECT epoch_us(min(ts)) FROM fitting WHERE c{index} = (SELECT {reduce}(c{index}) FROM fitting))"
                for reduce in ("min", "max")
            )
        else:
            lowest = highest = "NULL"
        columns += [lowest, highest, f"quantile_cont(c{index}, [{shares}])" if shares else "NULL"]
    return sql.Statement(f"WITH fitting AS ({rows.text}) SELECT {', '.join(columns)} FROM fitting", rows.values)


def value_counts(source: sql.Source, field: str, query: StatisticsQuery) -> sql.Statement:
    """Select the commonest values of a text field and how many rows have each; NULL where there is none."""
    rows = sql.newest([source], {field: FieldKind.TEXT}, query.span, query.conditions)
    text = f"SELECT c0, count(*) AS n FROM ({rows.text}) GROUP BY c0 ORDER BY n DESC, c0 LIMIT {MOST_VALUES}"
    return sql.Statement(text, rows.values)
