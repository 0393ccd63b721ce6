"""Thread behaviour of the numeric libraries, set through the environment before any of them is loaded.

The number of torch threads is a setting, so that sums are taken in the same order and give the same bytes. The values
here change no result, only what a thread does while it waits for the others of a step. Spinning threads are fast on
idle cores but stall busy ones, where they hold the core that the awaited thread needs: two trainings of two threads
each on two cores then take ten times as long as one after the other.
"""

_SUMS = {"OPENBLAS_NUM_THREADS": "1"}
SINGLE_PROCESS = {
    **_SUMS,
    "GOMP_SPINCOUNT": "1000",
}  # as fast as unbounded on idle cores, half as fast on busy ones
MULTI_PROCESS = {**_SUMS, "GOMP_SPINCOUNT": "0"}  # sleep at once: costs nothing with one process per core
