"""Alibaba's exported bill, read and compared with what was recorded here."""

from .columns import BadExport
from .comparison import BillComparison, RecordedItem, compare_bill
from .export import Export, read_export
from .told import bill_as_csv, bill_as_json, bill_told

__all__ = [
    "BadExport",
    "BillComparison",
    "Export",
    "RecordedItem",
    "bill_as_csv",
    "bill_as_json",
    "bill_told",
    "compare_bill",
    "read_export",
]
