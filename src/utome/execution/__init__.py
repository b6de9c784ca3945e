"""Work that fans out: one task on many items, in this process, in processes of this machine, or on a Dask cluster."""

from utome.execution.fan import Fan, fanned
from utome.execution.work import Done, Workers

__all__ = ["Done", "Fan", "Workers", "fanned"]
