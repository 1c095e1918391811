"""Papers' claims and this project's own recorded figures, one a file: `hgb reproduce NAME`."""

from .filter_bank_speed import FilterBankSpeed as FilterBankSpeed
