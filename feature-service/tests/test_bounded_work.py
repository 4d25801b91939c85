"""What is done for one caller on the event loop is bounded, whatever names a tenant chose: all others wait for it."""

import random
import time

import pytest
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.domain.model.device import MAX_FIELDS, DataModel, Field, require_fields
from feature_service.domain.registry.near_code import near_codes
from penstock_kit.errors import NotFound, Unprocessable

WORST = [f"{'aabb' * 30}{number:08d}" for number in range(1_000)]


def cpu_seconds(work):
    """Return what the work takes of this thread, which the load of the machine does not change; the best of three."""
    taken = []
    for _ in range(3):
        begin = time.thread_time()
        work()
        taken.append(time.thread_time() - begin)
    return min(taken)


@pytest.mark.parametrize(
    ("code", "codes"),
    [
        ("ab" * 60 + "cd", WORST),
        ("a" * 127 + "q", ["a" * 120 + f"{number:08d}" for number in range(1_000)]),
        ("ab" * 64, ["".join(random.Random(number).choices("ab", k=128)) for number in range(1_000)]),
        (10_000_000, WORST),
    ],
)
@pytest.mark.alone
def test_codes_like_an_unknown_one_are_found_in_a_bounded_time(code, codes):
    code = "x" * code if isinstance(code, int) else code
    assert cpu_seconds(lambda: near_codes(code, codes, most=5)) < 0.05


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("press_500", "press-500"),
        ("PRESS-500", "press-500"),
        ("pres-500", "press-500"),
        ("xpress-500", "press-500"),
        ("presS-5000", "press-500"),
    ],
)
def test_a_misspelt_code_among_a_thousand_is_recognised(code, expected):
    codes = sorted(f"press-{number}" for number in range(1_000))
    assert expected in near_codes(code, codes, most=5)


def test_of_similar_codes_the_most_similar_comes_first_and_what_is_not_like_it_not_at_all():
    assert near_codes("robot-12", ["zeta", "robot-1", "robot-13", "robot-12b"], most=2) == ["robot-12b", "robot-1"]
    assert near_codes("robot-12", ["zeta", "omega"], most=5) == []
    assert near_codes("", ["a"], most=5) == []


@pytest.mark.alone
def test_the_fields_of_a_model_are_looked_at_in_linear_work():
    model = DataModel(code="wide", fields=[Field(code=f"field-number-{number:06d}") for number in range(MAX_FIELDS)])
    assert cpu_seconds(lambda: require_fields(model)) < 0.1


async def test_a_model_may_have_ten_thousand_fields(service):
    fields = [pb.Field(field_code=f"field-number-{number:06d}") for number in range(MAX_FIELDS)]
    model = pb.DataModel(model_code="wide", fields=fields)
    made = (await service.metadata.CreateDataModel(pb.CreateDataModelRequest(model=model))).model
    assert [field.field_code for field in made.fields] == [field.field_code for field in fields]


@pytest.mark.parametrize("change", [False, True])
async def test_a_model_of_more_fields_is_refused_with_the_number_there_may_be(service, change):
    fields = [pb.Field(field_code=f"f{number}") for number in range(10_001)]
    model = pb.DataModel(model_code="wide", fields=fields)
    if change:
        await service.metadata.CreateDataModel(pb.CreateDataModelRequest(model=pb.DataModel(model_code="wide")))
    with pytest.raises(Unprocessable, match="model 'wide' would have 10001 fields, at most 10000") as caught:
        if change:
            request = pb.UpdateDataModelRequest(model=model, update_fields=["fields"])
            await service.metadata.UpdateDataModel(request)
        else:
            await service.metadata.CreateDataModel(pb.CreateDataModelRequest(model=model))
    assert caught.value.reason == "FIELDS_LIMIT_EXCEEDED"


async def test_an_unknown_code_is_still_answered_with_those_like_it(service):
    await service.metadata.CreateDevice(pb.CreateDeviceRequest(device=pb.Device(device_code="press-1")))
    with pytest.raises(NotFound, match="unknown device 'pres-1'; did you mean press-1"):
        await service.metadata.GetDevice(pb.GetDeviceRequest(device_code="pres-1"))
