"""Other libraries' hypergradients, in the call shape of ours."""

from .deepinv_deq import DeepinvDeq as DeepinvDeq
from .diffcp_implicit import DiffcpImplicit as DiffcpImplicit
from .jaxopt_implicit import JaxoptImplicit as JaxoptImplicit
from .jaxopt_unrolled import JaxoptUnrolled as JaxoptUnrolled
from .optimistix_implicit import OptimistixImplicit as OptimistixImplicit
from .optimistix_unrolled import OptimistixUnrolled as OptimistixUnrolled
from .torchdeq_implicit import TorchdeqImplicit as TorchdeqImplicit
