"""How fast and how good utome is on the machine at hand: `make bench`, or `python -m benchmarks NAME`.

Figures stand beside their targets and nothing fails when one is missed: a busy machine misses what a quiet one meets.
For Linux and macOS, since a child's memory is asked of the system in their way.
"""
