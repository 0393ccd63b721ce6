"""How the threads of the number libraries behave; told by the environment, before any of them is loaded.

How many threads torch computes on is a setting, so that sums come in the same order and give the same bytes. What is
said here changes no result, only what a thread does while it waits for the others of a step: it spins, which is fast
where it has a core to itself, and a stall where it keeps the core from the very thread that it waits for. Two trainings
of two threads on two cores then take ten times as long as one after the other.
"""

_SUMS = {"OPENBLAS_NUM_THREADS": "1"}
SINGLE_PROCESS = {
    **_SUMS,
    "GOMP_SPINCOUNT": "1000",
}  # as fast as without a bound where cores are free, half as fast where not
MULTI_PROCESS = {**_SUMS, "GOMP_SPINCOUNT": "0"}  # sleep at once: as many processes as cores lose nothing by it
