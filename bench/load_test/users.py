"""The people of `make load`, as Locust runs them; ``.venv-load`` has Locust, and nothing else of ours is imported here.

Settings come from the environment that bench.load_test gives: LOAD_FOLDER for what was measured, LOAD_USERNAME and
LOAD_PASSWORD to sign in, LOAD_EXTRACTION with the body of an extraction, LOAD_WAIT for the seconds between requests,
LOAD_PEOPLE, LOAD_READERS and LOAD_MODELLERS for how many there are, LOAD_EXPECTED for how many of them in a process.
"""

import json
import os
import random
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from gevent.event import Event
from locust import FastHttpUser, between, constant, events, task

FOLDER = Path(os.environ["LOAD_FOLDER"])
EXTRACTION = json.loads(os.environ["LOAD_EXTRACTION"])
WAIT = [float(each) for each in os.environ["LOAD_WAIT"].split("-")]
QUESTIONS = ("What was the mean current of WLD001 in the last hour?", "How is WLD002?", "Hello!")
REALTIME = {"model_code": "welding_realtime", "filters": {}, "page": 1, "page_size": 50}


class Records:
    """Every request by its name: the second in which it ended, and how long it took, to the tenth of a millisecond."""

    def __init__(self) -> None:
        self.taken: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self.failures: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))

    def note(self, name: str, response_time: float, exception: Any = None, **_: Any) -> None:
        """Take one request from Locust; `response_time` is in milliseconds."""
        self.taken[name].append((int(time.time()), round(float(response_time), 1)))
        if exception is not None:
            self.failures[name][str(exception)[:200]] += 1

    def write(self, **_: Any) -> None:
        """Write what this process has measured."""
        (FOLDER / f"{os.getpid()}.json").write_text(json.dumps({"taken": self.taken, "failures": self.failures}))


class Gate:
    """Holds back all users of this process until each has signed in: the load is what comes after that."""

    def __init__(self, expected: int) -> None:
        self._left = expected
        self._open = Event()

    def enter(self) -> None:
        """Wait for the others."""
        self._left -= 1
        if self._left <= 0:
            (FOLDER / f"{os.getpid()}.started").touch()
            self._open.set()
        self._open.wait()


GATE = Gate(int(os.environ["LOAD_EXPECTED"]))
RECORDS = Records()
events.request.add_listener(RECORDS.note)
events.quit.add_listener(RECORDS.write)


class SignedIn(FastHttpUser):
    """Signs in as a person does, and sends the token with each request."""

    abstract = True
    wait_time = constant(0) if WAIT == [0] else between(*WAIT)
    network_timeout = connection_timeout = 120.0

    def on_start(self) -> None:
        """Sign in, begin what is needed, and wait for the others. A sign-in that is refused is tried again."""
        login = {"username": os.environ["LOAD_USERNAME"], "password": os.environ["LOAD_PASSWORD"]}
        for _ in range(20):
            with self.client.post("/api/v2/auth/login", json=login, name="sign-in", catch_response=True) as answer:
                if answer.status_code == 200:
                    token = answer.json()["data"]["access_token"]
                    self.client.auth_header = f"Bearer {token}"
                    self.headers = {"Authorization": f"Bearer {token}"}
                    self.begin()
                    GATE.enter()
                    # People do not all begin in the same moment: each is somewhere in the pause before a request.
                    time.sleep(random.uniform(0, WAIT[-1]))
                    return
            time.sleep(random.uniform(0.5, 1.5))
        raise RuntimeError("could not sign in")

    def begin(self) -> None:
        """Do what is needed once."""


class Person(SignedIn):
    """Looks at models, newest values and features, 3 : 2 : 1."""

    fixed_count = int(os.environ["LOAD_PEOPLE"])

    @task(3)
    def models(self) -> None:
        """List the data models."""
        self.client.get("/api/v2/metadata/models", headers=self.headers, name="data models")

    @task(2)
    def realtime(self) -> None:
        """Ask for the newest rows of the welding machines."""
        self.client.post("/api/v2/data/query/realtime", json=REALTIME, headers=self.headers, name="realtime query")

    @task(1)
    def extract(self) -> None:
        """Make features of WLD001."""
        self.client.post("/api/v2/ai/features/extract", json=EXTRACTION, headers=self.headers, name="extraction")


class Reader(SignedIn):
    """Asks in a conversation and reads the stream to its last event."""

    fixed_count = int(os.environ["LOAD_READERS"])

    def begin(self) -> None:
        """Begin a conversation."""
        answer = self.client.post("/api/v1/conversations", json={}, headers=self.headers, name="new conversation")
        self.path = f"/api/v1/conversations/{answer.json()['id']}/stream"

    @task
    def ask(self) -> None:
        """Ask one question; first and last event count apart, and a stream without a terminal event is a failure."""
        body = {"content": random.choice(QUESTIONS), "role": "user"}
        began, first, ended, why = time.perf_counter(), 0.0, False, None
        try:
            with self.client.post(
                self.path,
                json=body,
                headers=self.headers,
                name="stream, answer begun",
                stream=True,
                catch_response=True,
            ) as answer:
                answer.success() if answer.status_code == 200 else answer.failure(f"status {answer.status_code}")
                for event in _events(answer):
                    if not first:
                        first = time.perf_counter() - began
                        self._fire("stream, first event", first, None)
                    ended = event["type"] == "error" or event.get("status") not in {None, "running"}
                    if event["type"] == "error":
                        why = RuntimeError(f"error event: {event.get('reason')}")
        except Exception as error:  # noqa: BLE001 - whatever broke the stream is its failure
            why = error
        if why is None and not ended:
            why = RuntimeError("the stream ended without a terminal event")
        self._fire("stream, last event", time.perf_counter() - began, why)

    def _fire(self, name: str, seconds: float, why: Exception | None) -> None:
        events.request.fire(
            request_type="SSE", name=name, response_time=seconds * 1000, response_length=0, exception=why, context={}
        )


class Modeller(SignedIn):
    """Asks a model directly."""

    fixed_count = int(os.environ["LOAD_MODELLERS"])

    @task
    def complete(self) -> None:
        """Ask the offline provider, which needs no key."""
        body = {"model": "fallback/rules", "messages": [{"role": "user", "content": random.choice(QUESTIONS)}]}
        self.client.post("/v1/chat/completions", json=body, headers=self.headers, name="completion")


def _events(answer: Any) -> Any:
    """Yield the events of a stream as they come: a read of so many bytes would wait for all of them."""
    while line := answer.stream.readline(b"\n"):
        if line.startswith(b"data: "):
            yield json.loads(line[6:])
