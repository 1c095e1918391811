"""Other libraries' hypergradients, in the call shape of ours."""

from .jaxopt_implicit import JaxoptImplicit as JaxoptImplicit
from .jaxopt_unrolled import JaxoptUnrolled as JaxoptUnrolled
