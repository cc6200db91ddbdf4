/*
Package leat is a stateful stream processor: a job is a graph of typed streams, and one static binary.

	job := leat.NewJob("fraud")
	job.From("payments", file.Read("payments-*.csv.gz").CSV[Txn]).
		EventTime(Txn.When, 5*time.Second).
		KeyBy(Txn.AccountID).
		Process("detect-fraud", detectFraud).
		To("alerts", file.Write("alerts").JSONLines)
	leat.Main(job)

Verbs are methods: begin at [Job.From], then look at [Stream], [Keyed], [Windowed] and [Connected]. godoc lists a
type's generic methods with the others.

# Records

A stream's records are values of one Go type. What was emitted belongs to whoever receives it: nobody changes what a
record refers to, for several operators may see the same one. Types that cross from task to task, and keys and state,
are encoded by codecs that are derived when the job is planned (package codec); a type that can't be encoded is refused
there, with the path of the field.

# Operators

An operator is a constructor that returns a closure. It is called once for each subtask, names its state, timers and
side outputs, and returns what to do with each record:

	func detectFraud(op *leat.Operator[string, Alert]) func(Txn) error {
		small := op.Value[time.Time]("last-small")
		forget := op.EventTimer("forget", func(time.Time) error { small.Clear(); return nil })

		return func(tx Txn) error {
			switch {
			case tx.IsSmall():
				small.Set(tx.At)
				forget.At(tx.At.Add(time.Minute))
			case tx.IsLarge() && tx.At.Sub(small.Get()) < time.Minute:
				op.Emit(Alert{op.Key(), tx.Amount})
			}
			return nil
		}
	}

The planner calls the constructor once more, to learn what state there is. So a constructor has no side effects:
connections are opened in OnOpen and closed in OnClose. Variables of the closure are no state: they are lost when the
job is restored, and belong to all keys of a subtask. leattest.EveryWay finds them.

# Keys and state

[Stream.KeyBy] partitions a stream: all records of a key go to one subtask. Behind it an operator has state for each
key, of six kinds (package state): [Operator.Value], [Operator.List], [Operator.Map], [Operator.Ordered],
[Operator.Reducing], [Operator.Aggregating]. A handle speaks of the key of the record, timer or pane at hand. Its methods return no
error: state that fails ends the attempt.

Values that hold slices, maps or pointers are immutable once they were set: change a copy and Set it, or use Ref, which
gives the value for changing in place, until the callback returns.

Keys are integers, strings, booleans, and structs and arrays of them.

# Time

[Stream.EventTime] says when records happened. Each split of a source has its own watermark, which says how far event
time has come; where streams meet, the least counts. A split that has finished holds nothing back, and neither does one that is
silent for longer than [IdleAfter].

A timer carries its callback: [Operator.EventTimer] has one time for each key, [Operator.EventTimers] one for each key
and item. Setting it again moves it. An event-time timer fires after the watermark has passed it, in order of time. At
the end of input every timer that is set fires once, and every window.

# Windows

[Keyed.Window] cuts each key's records into windows (package window): tumbling, sliding, session. An aggregator (package agg) says what
becomes of the records. [Windowed.Aggregate] emits a [Pane] for each window and key; [Windowed.Process] hands panes to
an operator with state. A record that comes after its windows have been dropped is late: it is counted, and can be had
with [Windowed.LateTo].

# Failure

A function that returns an error, or panics, fails the job, with an error that names job, operator, subtask and record. A
source's record that can't be parsed fails the job with its file, line and column, unless the source has the option
[Rejects].

# Checkpoints and recovery

A job with a store takes checkpoints:

	job.Checkpoint = leat.Checkpoint{Store: "/var/lib/fraud", Every: 10 * time.Second}

or with the flag --store. A checkpoint has all state, timers, windows and positions as they were at one instant. After
a failure the job starts again from the newest complete checkpoint ([Restart] says when to give up); after a crash of
the process the same command does, at any parallelism up to the maximum. Before that the checkpoint is compared with
the job: states that are gone or that are not what they were are listed in one error. A sink with the option
[ExactlyOnce] makes what it has written visible when a checkpoint is complete, and each record once.

# Looking into a running job

State can be looked into while the job runs: running.View[string, time.Time]("detect-fraud", "last-small").Get(ctx, "account-1")
is what the last complete checkpoint has, which no failure takes back, and with [View.Live] what the operator has now.
[Running.ItemView] reads maps item by item. The command state does the same from a shell.

# Testing

Package leattest runs a job on given records under virtual time, drives single operators record by record, and runs a job
every way: chained and unchained, at several parallelisms, restored from snapshots, all with the same output.
*/
package leat
