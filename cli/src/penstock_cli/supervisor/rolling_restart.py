"""Replaces the gateways behind one port, one after the other: a new one listens before its predecessor stops."""

from collections.abc import Callable
from typing import Final

from penstock_cli.supervisor.process_supervisor import ProcessSupervisor
from penstock_cli.supervisor.service import Service

_GIVEN_UP: Final = ("failed", "misconfigured", "restarting")


class RollingRestart:
    """Works on `children`, in which it puts each successor in its place. The others of the suite are left alone.

    ``begin`` asks for it, ``advance`` does the next step when its time has come. `coming` are successors that are not
    ready yet, `leaving` are predecessors that end what they have begun.
    """

    def __init__(
        self,
        children: list[ProcessSupervisor],
        supervise: Callable[[Service, int], ProcessSupervisor],
        say: Callable[[str], object],
    ) -> None:
        self._children = children
        self._supervise = supervise
        self._say = say
        self._places: list[int] = []
        self.coming: list[ProcessSupervisor] = []
        self.leaving: list[ProcessSupervisor] = []

    @property
    def under_way(self) -> bool:
        """Whether a gateway is still to be replaced."""
        return bool(self._places or self.coming)

    def begin(self) -> None:
        """Replace every gateway that shares its port; nothing to do while that is under way."""
        if self.under_way:
            return
        workers = [place for place, child in enumerate(self._children) if child.service.worker_folder is not None]
        if not workers:
            self._say(
                "there is one gateway, which can't be replaced while it serves; set PENSTOCK_WORKERS to 2 or more"
            )
        self._places = workers

    def advance(self) -> bool:
        """Do the next step if there is one to do; return whether anything has changed."""
        gone = [child for child in self.leaving if child.wait(0)]
        self.leaving = [child for child in self.leaving if child not in gone]
        if not self.coming:
            return self._start_next() or bool(gone)
        (successor,) = self.coming
        if successor.state.status == "ready":
            self._hand_over(successor)
            return True
        if successor.state.status in _GIVEN_UP:
            self._give_up(successor)
            return True
        return bool(gone)

    def _start_next(self) -> bool:
        if not self._places:
            return False
        place = self._places[0]
        self.coming = [self._supervise(self._children[place].service, place)]
        self.coming[0].start()
        return True

    def _hand_over(self, successor: ProcessSupervisor) -> None:
        place = self._places.pop(0)
        predecessor, self._children[place] = self._children[place], successor
        self.coming = []
        predecessor.request_stop()
        self.leaving.append(predecessor)
        self._say(f"{successor.service.name} has a successor")

    def _give_up(self, successor: ProcessSupervisor) -> None:
        self._say(f"the successor of {successor.service.name} does not start; those that run go on")
        successor.request_stop()
        self.leaving.append(successor)
        self.coming, self._places = [], []
