"""Fake gRPC services for the tests of whoever calls them: real servers on a free port, scripted answers."""

from penstock_testkit.services.chat import FakeChat
from penstock_testkit.services.cost import FakeCosts
from penstock_testkit.services.feature import FakeFeature
from penstock_testkit.services.hosting import ServedFakes, serve
from penstock_testkit.services.llm import FakeLlm, answer_events
from penstock_testkit.services.script import Fail, Hang, Step, Wait

__all__ = [
    "Fail",
    "FakeChat",
    "FakeCosts",
    "FakeFeature",
    "FakeLlm",
    "Hang",
    "ServedFakes",
    "Step",
    "Wait",
    "answer_events",
    "serve",
]
