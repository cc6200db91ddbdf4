// Package snapshot reads and writes checkpoints and savepoints from outside a job: to look into state, to fill the state of a job
// that has not run yet, and to change what a job's code can't.
//
// # Reading
//
//	snap, err := snapshot.Open("savepoints/fraud-20261122-120000-1a2b3c4d")
//	…
//	for account, at := range snap.Values[string, time.Time]("detect-fraud", "last-small") {
//		fmt.Println(account, at)
//	}
//	return snap.Err()
//
// Types are matched to what was recorded as a restore does: fields may be added, removed, renamed and widened (see package
// codec). A snapshot is read key group by key group, and never as a whole.
//
//	values, reducing and aggregating state (their accumulators)   Snapshot.Values
//	lists                                                         Snapshot.Lists
//	maps                                                          Snapshot.Maps
//	ordered maps                                                  Snapshot.Ordered
//	timers                                                        Snapshot.Timers, Snapshot.ItemTimers
//
// # Writing
//
// What is written is a savepoint that a job can start from with --restore, in a folder of its own. [Create] begins one for a job,
// whose states are checked against the job's; [Rewrite] begins one that has all of another snapshot but for what is changed:
//
//	states set anew, added, dropped, renamed   SetValues …, Drop, Rename
//	another type of key                        Writer.RewriteKeys
//	another number of key groups               Writer.MaxParallelism
//
// Nothing is there until [Writer.Commit] has returned without error.
//
// The same is done without code by the command: leat snapshot list, show, inspect, diff, verify, export and delete, which a job's
// own binary has too.
package snapshot
