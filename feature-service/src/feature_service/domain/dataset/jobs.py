"""Building data sets as jobs, and keeping them."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from feature_service.domain.dataset.job_places import JobPlaces
from feature_service.domain.dataset.plan import DatasetPlan
from feature_service.domain.dataset.record import (
    WHOLE_FILE,
    ByteRange,
    Dataset,
    DatasetDownload,
    DatasetFiles,
    DatasetState,
    DatasetStore,
    FileFormat,
    Lease,
)
from feature_service.domain.dataset.source import DatasetSource
from feature_service.domain.model.span import micros_of
from penstock_kit.aside import share_interpreter
from penstock_kit.clock import Clock
from penstock_kit.errors import FailedPrecondition, NotFound, PenstockError, Unavailable
from penstock_kit.fair_turns import FairTurns
from penstock_kit.opened import opened_in_thread
from penstock_kit.supervision import supervise

if TYPE_CHECKING:
    from feature_service.domain.dataset.build import BuiltDataset
    from feature_service.domain.dataset.label import LabelledRows
    from feature_service.domain.dataset.partition import PartitionRunner
    from feature_service.domain.dataset.row_table import RowRoom

_REMOVED_AT_ONCE: Final = 20
_PROGRESS_SECONDS: Final = 0.5
# How long a replica need not say that it still builds: longer than a database is usually away.
LEASE_SECONDS: Final = 60.0
_RENEWALS: Final = 4
_MOST_ATTEMPTS: Final = 3
"""How often a data set is begun: one that ends the process each time must not do so for ever."""
_ABANDONED: Final = "the service ended while it was being built; create it again, smaller if that comes again"


class DatasetJobs:
    """Builds one data set at a time; further ones queue, up to a limit.

    What a process leaves unfinished is begun anew by its next life, or by another replica once the lease is over.

    `new_id` makes ids that sort by time, `report` is told of failures that are defects of ours. `owner` tells this
    replica from the others that share the store; it is the same after a restart. `runner` makes what computes the
    partitions of a data set; left out, the thread that builds it does. `new_room` makes room on the disk for many rows;
    left out, they are in memory.
    """

    def __init__(
        self,
        *,
        source: DatasetSource,
        store: DatasetStore,
        files: DatasetFiles,
        clock: Clock,
        new_id: Callable[[], str],
        report: Callable[[BaseException], None],
        owner: str,
        new_room: "Callable[[], AbstractContextManager[RowRoom | None]]" = nullcontext,
        runner: "Callable[[], PartitionRunner] | None" = None,
    ) -> None:
        self._new_room = new_room
        self._runner = runner
        self._owner = owner
        self._keeping: asyncio.Task[None] | None = None
        self._source = source
        self._store = store
        self._files = files
        self._clock = clock
        self._new_id = new_id
        self._report = report
        self._turns = FairTurns(1)
        self._places = JobPlaces()
        self._jobs: dict[str, asyncio.Task[Dataset]] = {}
        self._stopping = False

    async def create(self, tenant_id: str, plan: DatasetPlan, *, request_id: str, wait_seconds: float) -> Dataset:
        """Start building; return the data set when it is done within `wait_seconds`, else as far as it is.

        The same `request_id` again returns what it made before. Raises what the build does when it fails
        meanwhile, and ResourceExhausted DATASET_JOBS_LIMIT_EXCEEDED.
        """
        known = await self._store.get_by_request(tenant_id, request_id) if request_id else None
        if known is not None:
            return known
        await self._source.check(tenant_id, plan)
        created = micros_of(self._clock.now())
        dataset = Dataset(id=self._new_id(), model_code=plan.model_code, created=created, request_id=request_id)
        self._places.take(tenant_id)
        try:
            await self._store.add(tenant_id, dataset, self._lease(), plan)
        except BaseException:
            self._places.give_back(tenant_id)
            raise
        job = self._begin(tenant_id, dataset, plan)
        done, _ = await asyncio.wait([job], timeout=wait_seconds)
        return job.result() if done else await self.dataset(tenant_id, dataset.id)

    async def dataset(self, tenant_id: str, dataset_id: str) -> Dataset:
        """Return the data set. Raises NotFound DATASET_NOT_FOUND."""
        found = await self._store.dataset(tenant_id, dataset_id)
        if found is None:
            raise NotFound(f"unknown data set {dataset_id!r}", reason="DATASET_NOT_FOUND")
        return found

    async def datasets(self, tenant_id: str, *, before: str, limit: int) -> Sequence[Dataset]:
        """Return data sets, newest first."""
        return await self._store.datasets(tenant_id, before=before, limit=limit)

    async def download(
        self, tenant_id: str, dataset_id: str, file_format: FileFormat, wanted: ByteRange = WHOLE_FILE
    ) -> DatasetDownload:
        """Return the file or a part of it.

        Raises NotFound DATASET_NOT_FOUND, FailedPrecondition DATASET_UNAVAILABLE.
        """
        dataset = await self.dataset(tenant_id, dataset_id)
        if dataset.state is not DatasetState.DONE:
            why = dataset.failure or f"{dataset.progress:.0%} done"
            raise FailedPrecondition(
                f"data set {dataset_id!r} is {dataset.state.value}: {why}", reason="DATASET_UNAVAILABLE"
            )
        return await self._files.download(dataset_id, file_format, wanted)

    async def manifest(self, tenant_id: str, dataset_id: str) -> str:
        """Return the manifest, JSON text. Raises NotFound DATASET_NOT_FOUND, FailedPrecondition DATASET_UNAVAILABLE."""
        dataset = await self.dataset(tenant_id, dataset_id)
        if not dataset.manifest:
            raise FailedPrecondition(
                f"data set {dataset_id!r} is {dataset.state.value} and has no manifest", reason="DATASET_UNAVAILABLE"
            )
        return dataset.manifest

    async def remove(self, tenant_id: str, dataset_id: str) -> None:
        """Stop the job if it still runs and delete record and files. Raises NotFound DATASET_NOT_FOUND."""
        await self.dataset(tenant_id, dataset_id)
        job = self._jobs.get(dataset_id)
        if job is not None:
            job.cancel()
            await asyncio.wait([job])
        await self._store.remove(tenant_id, dataset_id)
        await self._files.remove(dataset_id)

    async def remove_before(self, created: int) -> int:
        """Delete record and files of data sets that this replica built before that moment; return how many."""
        return await remove_ended(self._store, self._files, created, owner=self._owner)

    async def start(self) -> None:
        """Begin anew what an earlier run of this replica left unfinished, and keep the leases from now on."""
        if self._keeping is None:
            await self._take_over(owner=self._owner)
            self._keeping = asyncio.create_task(supervise("leases of jobs", self._keep))

    async def keep_leases(self) -> None:
        """Say that this replica still builds what it builds, and take over what a replica that is gone left."""
        if self._jobs:
            await self._store.renew(self._lease())
        await self._take_over()

    async def _take_over(self, owner: str = "") -> None:
        now, lease = micros_of(self._clock.now()), self._lease()
        await self._store.fail_abandoned(_ABANDONED, now=now, attempts=_MOST_ATTEMPTS, owner=owner)
        room = self._places.free
        for left in await self._store.take_abandoned(lease, now=now, attempts=_MOST_ATTEMPTS, limit=room, owner=owner):
            self._places.hold(left.tenant_id)
            self._begin(left.tenant_id, left.dataset, left.plan)

    def _begin(self, tenant_id: str, dataset: Dataset, plan: DatasetPlan) -> "asyncio.Task[Dataset]":
        """Begin the job in its place, which it gives back at its end."""
        job = asyncio.create_task(self._run(tenant_id, dataset, plan))
        self._jobs[dataset.id] = job
        job.add_done_callback(lambda done: self._forget_ended(tenant_id, dataset.id, done))
        return job

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / _RENEWALS)
            with contextlib.suppress(PenstockError):  # the database is away: the lease outlasts that
                await self.keep_leases()

    def _lease(self) -> Lease:
        return Lease(owner=self._owner, until=micros_of(self._clock.now() + timedelta(seconds=LEASE_SECONDS)))

    async def stop(self) -> None:
        """Cancel all jobs and wait for their end; they are left for the next start, or another replica."""
        self._stopping = True
        if self._keeping is not None:
            self._keeping.cancel()
        jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel()
        if jobs:
            await asyncio.wait(jobs)
            with contextlib.suppress(PenstockError):  # the leases end by themselves, later
                await self._store.release(self._owner)

    async def _run(self, tenant_id: str, dataset: Dataset, plan: DatasetPlan) -> Dataset:
        try:
            async with self._turns.turn(tenant_id):
                return await self._built(tenant_id, dataset, plan)
        except asyncio.CancelledError:
            if not self._stopping:
                await self._fail(tenant_id, dataset, "it was stopped")
            raise
        except PenstockError as error:
            await self._fail(tenant_id, dataset, error.message)
            raise
        except Exception:
            await self._fail(tenant_id, dataset, "an internal error; see the service's log")
            raise

    async def _built(self, tenant_id: str, dataset: Dataset, plan: DatasetPlan) -> Dataset:
        running = replace(dataset, state=DatasetState.RUNNING)
        await self._note(tenant_id, running)
        share_interpreter()
        async with opened_in_thread(self._new_room) as room:
            devices = await self._source.rows(tenant_id, plan, room)
            return await self._built_of(tenant_id, running, plan, devices)

    async def _built_of(
        self, tenant_id: str, running: Dataset, plan: DatasetPlan, devices: "dict[str, LabelledRows]"
    ) -> Dataset:
        from feature_service.domain.dataset.build import build_dataset

        progress = _Progress()
        runner = self._runner() if self._runner else None
        building = asyncio.ensure_future(asyncio.to_thread(build_dataset, devices, plan, progress.note, runner))
        try:
            while not (await asyncio.wait([building], timeout=_PROGRESS_SECONDS))[0]:
                with contextlib.suppress(Unavailable):  # what is only progress can wait for the database
                    await self._note(tenant_id, replace(running, progress=progress.share))
        finally:
            # The thread can't be cancelled: it is told to stop, and waited for before the next one has its turn.
            progress.stop()
            await _wait_ended(building)
        built = building.result()
        await self._note(tenant_id, replace(running, progress=progress.share))
        await self._save_files(running.id, built)
        finished = await asyncio.to_thread(_finished, running, plan, built)
        try:
            await self._note(tenant_id, finished)
        except NotFound:
            if await self._store.dataset(tenant_id, running.id) is None:
                await self._files.remove(running.id)
            raise
        return finished

    async def _note(self, tenant_id: str, changed: Dataset) -> None:
        """Keep how far the data set is. Raises NotFound DATASET_NOT_FOUND when this replica is not to build it."""
        if not await self._store.change(tenant_id, changed, owner=self._owner):
            raise NotFound(
                f"data set {changed.id!r} was deleted, or is built by another replica", reason="DATASET_NOT_FOUND"
            )

    async def _save_files(self, dataset_id: str, built: "BuiltDataset") -> None:
        """Write the files to their end, so that a cancelled job leaves none behind when they are removed."""
        saving = asyncio.ensure_future(self._files.save(dataset_id, built))
        try:
            await asyncio.shield(saving)
        finally:
            await _wait_ended(saving)

    async def _fail(self, tenant_id: str, dataset: Dataset, failure: str) -> None:
        failed = replace(dataset, state=DatasetState.FAILED, failure=failure)
        await self._store.change(tenant_id, failed, owner=self._owner)

    def _forget_ended(self, tenant_id: str, dataset_id: str, job: "asyncio.Task[Dataset]") -> None:
        self._jobs.pop(dataset_id, None)
        self._places.give_back(tenant_id)
        if not job.cancelled():
            error = job.exception()
            if error is not None and not isinstance(error, PenstockError):
                self._report(error)


class _Stopped(Exception):  # noqa: N818 - nothing went wrong
    """The build is wanted no more."""


class _Progress:
    """The share that is done, written by the building thread and read by the loop, which can stop the thread."""

    def __init__(self) -> None:
        self.share = 0.0
        self._stopped = False

    def note(self, share: float) -> None:
        """Take the share; end the build when it is to stop."""
        if self._stopped:
            raise _Stopped
        self.share = share

    def stop(self) -> None:
        """End the build at its next note."""
        self._stopped = True


async def _wait_ended(work: "asyncio.Future[Any]") -> None:
    """Return when `work` has ended, however it did and however often the caller is cancelled meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _finished(dataset: Dataset, plan: DatasetPlan, built: "BuiltDataset") -> Dataset:
    from feature_service.domain.dataset.manifest import class_counts, manifest_of

    train, check = class_counts(built.training, built), class_counts(built.validation, built)
    return replace(
        dataset,
        state=DatasetState.DONE,
        progress=1.0,
        train_samples=len(built.training),
        val_samples=len(built.validation),
        feature_names=built.feature_names,
        class_distribution={name: train[name] + check[name] for name in train},
        manifest=manifest_of(dataset.id, plan, built, created=dataset.created),
    )


async def remove_ended(store: DatasetStore, files: DatasetFiles, created: int, *, owner: str) -> int:
    """Delete record and files of the data sets of `owner` that were begun before that moment; return how many."""
    removed = 0
    while found := await store.ended_before(created, owner=owner, limit=_REMOVED_AT_ONCE):
        for tenant_id, dataset_id in found:
            await store.remove(tenant_id, dataset_id)
            await files.remove(dataset_id)
        removed += len(found)
    return removed
