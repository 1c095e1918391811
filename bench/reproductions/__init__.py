"""Papers' claims and this project's own recorded figures, one a file: `hgb reproduce NAME`."""

from .blorc_timing import BlorcTiming as BlorcTiming
from .filter_bank_speed import FilterBankSpeed as FilterBankSpeed
