"""What every registered object, and every object of a plug-in, must do: checks that return findings."""

from .check_all import check_all as check_all
from .check_all import checks as checks
from .finding import Check as Check
from .finding import Finding as Finding
