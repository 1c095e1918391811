"""Compare hypergradients of imaging inverse problems: accuracy, time and memory.

The pieces are a library too: lower levels (`hypergrad_bench.problems`), pure-function solvers
(`hypergrad_bench.solvers`) and differentiation rules (`hypergrad_bench.hypergrad`).
"""
