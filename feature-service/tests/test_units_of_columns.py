"""A column whose name says its unit makes a field of that unit; the name stays as it is."""

import pytest
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.domain.ingest.unit_of_name import unit_of_name


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("temp [°C]", "°C"),
        ("Strom[A]", "A"),
        ("vibration [ mm/s ] ", "mm/s"),
        ("flow [Nm³/h, dry]", "Nm³/h, dry"),
        ("Pressure (bar)", "bar"),
        ("power (kW)", "kW"),
        ("电流（mA）", "mA"),
        ("speed (avg)", ""),
        ("sensor[0]", ""),
        ("range [0-10]", ""),
        ("[A]", ""),
        ("(bar)", ""),
        ("temp", ""),
        ("a [°C] raw", ""),
        ("x []", ""),
        ("x [ ]", ""),
        ("x]", ""),
        ("x [[A]]", ""),
        ("  [A]", ""),
        (f"x [{'m' * 24}]", "m" * 24),
        (f"x [{'m' * 25}]", ""),
        ("x [\x01A]", ""),
        ("x [A\u202e]", ""),
    ],
)
def test_the_unit_is_what_stands_in_brackets_at_the_end(name, unit):
    assert unit_of_name(name) == unit


# What is measured with it, and how instruments and their exports write it.
WRITTEN = {
    "current, voltage and power": "A mA kA µA μA nA V mV kV W kW MW GW Wh kWh MWh VA kVA var kvar 安 伏 瓦 千瓦 度",
    "resistance and charge": "Ω kΩ MΩ mΩ Ohm F µF H mH Ah mAh",
    "frequency and speed of turning": "Hz kHz MHz rpm r/min 1/min U/min 1/s 转/分 赫兹",
    "pressure": "Pa hPa kPa MPa bar mbar psi mmHg 帕 兆帕",
    "temperature": "° °C ℃ °F ℉ degC degF K C F 摄氏度",
    "length and volume": "m mm cm dm km µm ft in L ml dl gal m² m2 m^2 m³ m3 m^3 毫米 米",
    "flow": "m³/h m3/h m³/s L/min l/min L/h l/h mL/min kg/h",
    "speed": "m/s mm/s km/h mph m/min mm/min m/s² m/s2 m/s^2",
    "mass, force and energy": "g kg mg t lb N kN Nm N·m J kJ MJ",
    "density and content": "kg/m³ kg/m3 g/L mg/L mg/l % ‰ ppm ppb pH",
    "time": "s ms µs min h d 秒 分钟 小时",
    "sound, light and radiation": "dB dBm dB(A) lx lm cd W/m² W/m2",
    "conductivity, angles and data": "µS/cm mS/cm deg rad B kB MB",
}


@pytest.mark.parametrize("units", WRITTEN.values(), ids=WRITTEN)
def test_a_unit_in_round_brackets_is_known_as_instruments_write_it(units):
    texts = [unit for unit in units.split() if "(" not in unit]
    assert [unit_of_name(f"x ({unit})") for unit in texts] == texts


@pytest.mark.parametrize("begin", ["a[", "a(", "a（"])
def test_a_long_name_of_spaces_is_read_in_linear_time(begin):
    # Tried at each space for each other one, it would be more than the age of the earth.
    assert unit_of_name(begin + " " * 10_000_000 + "x") == ""
    assert unit_of_name(begin + " " * 10_000_000 + "A]") == ("A" if begin == "a[" else "")


async def ingest(service, header, **options):
    async def messages():
        asked = {"format": pb.INGEST_FORMAT_CSV, "device_code": "d1", "model_code": "m", "create": True}
        yield pb.IngestRequest(options=pb.IngestOptions(**{**asked, **options}))
        yield pb.IngestRequest(chunk=f"timestamp,{header}\n2026-01-01T00:00:00Z,21.5,3\n".encode())

    await service.features.Ingest(messages())


async def fields_of(service):
    model = (await service.metadata.GetDataModel(pb.GetDataModelRequest(model_code="m"))).model
    return {field.field_code: field.unit for field in model.fields}


async def test_fields_of_a_new_model_have_the_units_of_their_columns_and_their_whole_names(service_on_duckdb):
    service = service_on_duckdb
    await ingest(service, "temp [°C],count (n)")
    assert await fields_of(service) == {"temp [°C]": "°C", "count (n)": ""}
    rows = (await service.features.QueryHistory(pb.QueryHistoryRequest(device_code="d1"))).rows
    assert {column.name: column.unit for column in rows.columns}["temp [°C]"] == "°C"


async def test_a_field_that_comes_later_brings_its_unit_and_a_unit_that_was_given_stays(service_on_duckdb):
    service = service_on_duckdb
    await ingest(service, "temp [°C],a")
    model = (await service.metadata.GetDataModel(pb.GetDataModelRequest(model_code="m"))).model
    next(field for field in model.fields if field.field_code == "temp [°C]").unit = "K"
    await service.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model))
    await ingest(service, "temp [°C],Pressure (bar)")
    assert await fields_of(service) == {"temp [°C]": "K", "a": "", "Pressure (bar)": "bar"}
