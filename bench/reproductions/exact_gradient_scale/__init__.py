"""How far the exact gradient of l1 problems reaches: certificates, adjoint residuals, memory by size."""
