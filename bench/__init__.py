"""Benchmarks: run one as ``python -m bench.silver --help`` from the project root."""
