// Package sim runs whole jobs, over and over, in a world where a seed decides everything: who runs next, how long things
// take, what fails, and when the process dies. The job, its subtasks, checkpoints and recovery are the real ones; the
// clock, the store, the sources and the sinks are of this package.
//
// # How a run becomes a function of its seed
//
// The run lives in a bubble of testing/synctest, which can tell when all goroutines are blocked. Each goroutine of the
// engine waits for its turn wherever it begins, wherever it goes on after it has waited for another one, and around each
// operation of the store and the sinks. So at most one of them runs at any time, from one turn to where it blocks next:
//
//	all are blocked ──▶ choose one that waits for a turn, or a timer that is due ──▶ it runs ──▶ all are blocked ──▶ …
//
// Those that wait are sorted by name, not by who came first, before one is chosen by the run's random numbers. Time goes
// on a little with each turn, and jumps to the next timer when there is nobody to choose.
//
// # Faults
//
// A process dies between two turns: what was not in the store or in a sink by then is gone, and nothing that it still does has an
// effect. Or it is taken for dead, another one is started, and it goes on as a zombie. Operations of the store and of the sinks
// are slow, fail, or are done and reported as failed; the store may be a file system that a crash takes back to what was
// synced. Code of the user's fails, and the job is stopped; each process runs at a parallelism of its own.
//
// # What is checked
//
// A sink may show a record only as often as a plain oracle of the job has it, at each instant, and exactly as often in the end.
// No file is deleted that a manifest in the store names; each manifest that a crash leaves can be read with all its
// files; in the end nothing is pending, and there is no file that nobody names before the newest checkpoint's.
package sim
