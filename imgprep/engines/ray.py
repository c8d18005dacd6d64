"""Plans on a Ray cluster, each in a supervised process of an actor, which holds a core and has one plan at a time."""

import pickle
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, NamedTuple
from uuid import uuid4

from imgprep.engines.base import TICK, Function, FunctionError, Outcome, P, R, Settings, describe
from imgprep.engines.flight import News, run_on_cluster
from imgprep.engines.node import Answer
from imgprep.engines.ray_client import Session
from imgprep.errors import ResourceError

PATIENCE: Final = 60
"""Seconds to wait for a first actor."""


@dataclass(frozen=True, slots=True)
class Ray(Settings):
    """Runs the plans on a Ray cluster; without an address, on one of this machine.

    Each plan runs in the kind of process that the engine `processes` has, so an image that kills its decoder costs that
    image and no actor. A plan whose actor is lost is done again by another, up to five times. A program that has called
    `ray.init` keeps its connection.
    """

    _session: Session = field(default_factory=Session, init=False, repr=False, compare=False)

    def prepare(self) -> None:
        """Nothing: see `Engine.prepare`. The cluster is asked when there is a plan."""

    def run(
        self, function: Function[P, R], plans: Iterable[P], progress: Callable[[int], None] | None = None
    ) -> Iterator[Outcome[P, R]]:
        """See `Engine.run`; progress is called twice a second for each plan.

        Raises:
            RequestError: Ray is not installed.
            ResourceError: the cluster cannot be reached or has no core to spare, or its nodes have another imgprep.
        """

        def connect(pickled: bytes) -> _Actors:
            self._session.connect(self)
            return _Actors(self._session, pickled)

        return run_on_cluster(connect, function, plans, progress)

    def close(self) -> None:
        """See `Engine.close`."""
        self._session.close()


class _Sent(NamedTuple):
    """A plan on its way: what an actor answers, which is its key, the actor, and what the actor calls it."""

    ref: Any
    actor: Any
    name: str


class _Actors:
    """The actors of a cluster, for one run: see `flight.Cluster`."""

    def __init__(self, session: Session, function: bytes) -> None:
        self._session = session
        self._function = function
        self._sent: dict[Hashable, _Sent] = {}
        self._asked: dict[Any, _Sent] = {}
        self._since = monotonic()
        self.restore()

    def room(self) -> int:
        """See `Cluster.room`."""
        self._session.grow()
        return len(self._session.plans)

    def send(self, plan: bytes) -> Hashable:
        """See `Cluster.send`: to the actor that has the fewest plans."""
        plans, name = self._session.plans, uuid4().hex
        actor = min(plans, key=plans.__getitem__)
        ref = actor.run.remote(self._shared, plan, name)
        plans[actor] += 1
        self._sent[ref] = _Sent(ref, actor, name)
        self._ask(self._sent[ref], 0)
        key: Hashable = ref
        return key

    def news(self) -> Iterator[News]:
        """See `Cluster.news`.

        Raises:
            ResourceError: no actor could be started.
        """
        coming = self._session.coming
        if not self._sent and not self._session.plans and monotonic() - self._since > PATIENCE:
            raise ResourceError(f"the Ray cluster had no core to spare for {PATIENCE} s; start some with `ray start`")
        found, _ = self._session.ray.wait([*self._sent, *self._asked, *coming], timeout=TICK)
        for ref in found:
            if ref in coming:
                self._session.welcome(ref)
            elif ref in self._asked:
                yield from self._progress(ref)
            else:
                yield ref, self._answer(ref)

    def restore(self) -> None:
        """See `Cluster.restore`."""
        self._shared = self._session.ray.put(self._function)

    def leave(self) -> None:
        """See `Cluster.leave`; actors that have a plan in work are ended."""
        for sent in self._sent.values():
            self._session.dismiss(sent.actor)
        self._session.leave()

    def _ask(self, sent: _Sent, known: int) -> None:
        self._asked[sent.actor.finished.remote(sent.name, known)] = sent

    def _progress(self, ref: Any) -> Iterator[News]:
        """Tells how far a plan is, and asks again."""
        sent = self._asked.pop(ref)
        if sent.ref in self._sent:
            try:
                finished = self._session.ray.get(ref)
            except self._session.ray.exceptions.RayError:
                return  # the plan says so itself
            self._ask(sent, finished)
            yield sent.ref, finished

    def _answer(self, ref: Any) -> Answer | None:
        """The answer of an actor; None where it was lost, or what was shared with it."""
        actor, ray = self._sent.pop(ref).actor, self._session.ray
        try:
            answer = Answer(*pickle.loads(ray.get(ref)))
        except ray.exceptions.RayTaskError as error:
            answer = Answer(0, None, FunctionError(f"on the cluster: {describe(error.cause)}"))
        except ray.exceptions.RayError:
            self._session.dismiss(actor)
            return None
        if actor in self._session.plans:
            self._session.plans[actor] -= 1
        return answer
