"""The connection to a Dask cluster."""

import importlib
from dataclasses import dataclass
from typing import Any, Final

from imgprep.engines.node import check_versions, node_versions
from imgprep.errors import RequestError, ResourceError, one_line

PATIENCE: Final = 60
"""Seconds to wait for the scheduler, and as long again for a first worker."""


def distributed() -> Any:
    """The module `distributed`, imported now.

    Raises:
        RequestError: it is not installed.
    """
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise RequestError("execution.engine: dask needs Dask: pip install 'imgprep[dask]'") from None


@dataclass(slots=True)
class Session:
    """A client, made when it is first needed, and the cluster behind it where it is our own."""

    _client: Any = None
    _cluster: Any = None

    def client(self, address: str, workers: int) -> Any:
        """The client of a cluster.

        Args:
            address: of the scheduler, such as ``tcp://10.0.0.1:8786``, or the path of its scheduler file; '' for a
                cluster of this machine.
            workers: of that cluster.

        Raises:
            RequestError: Dask is not installed.
            ResourceError: there is no scheduler or no worker, or one has other versions than this process.
        """
        if self._client is None:
            dask = distributed()
            try:
                self._client = self._connected(dask, address, workers)
                check_versions(self._client.run(node_versions, on_error="return").items())
            except BaseException:
                self.close()
                raise
        return self._client

    def close(self) -> None:
        """Ends the connection, and the cluster where it is our own."""
        for part in (self._client, self._cluster):
            if part is not None:
                part.close()
        self._client = self._cluster = None

    def _connected(self, dask: Any, address: str, workers: int) -> Any:
        where = address or "a cluster of this machine"
        try:
            if not address:
                self._cluster = dask.LocalCluster(
                    n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=40
                )
                client = dask.Client(self._cluster, set_as_default=False)
            elif "://" in address:
                client = dask.Client(address, timeout=PATIENCE, set_as_default=False)
            else:
                client = dask.Client(scheduler_file=address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ResourceError(
                f"execution.address: {where}: cannot be reached: {one_line(error)}; start it with `dask scheduler`"
            ) from None
        self._client = client
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise ResourceError(
                f"execution.address: {where}: no worker has joined; start some with `dask worker {where}`"
            ) from None
        return client
