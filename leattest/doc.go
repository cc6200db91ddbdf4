/*
Package leattest tests jobs without waiting for anything: whole jobs on given records, single operators record by
record, and jobs in every way in which they might run.

	func TestFraud(t *testing.T) {
		run := leattest.EveryWay(t, fraud, leattest.Records("payments",
			Txn{Account: "a", Amount: 0.5, At: noon},
			Txn{Account: "a", Amount: 900, At: noon.Add(time.Second)}))
		if got := run.Output[Alert]("alerts"); len(got) != 1 {
			t.Errorf("alerts: %v", got)
		}
	}

# One operator

[Drive] calls an operator's constructor and gives the test its handles: [Driver.Send] a record, move event time with
[Driver.Watermark] and processing time with [Driver.ProcessingTime], and look at what it emits and keeps.
[Driver.Restore] goes on with a new operator that has the old one's state: call it anywhere, and nothing may change.
Nothing runs beside the test. [DriveConnected] is for operators over two streams.

# A job

[Run] runs a job on the records that it is given in the place of what its sources read. Its sinks write nothing: what
they would have written is in the [Result], with side outputs, late records, and the state and timers as they were when
the last given record had been worked through. Then the input ends, as bounded input does: all timers and windows fire.

# Every way

[EveryWay] runs a job chained and unchained, at several parallelisms and batch sizes, and kills and restores it at random
places, also at another parallelism. All ways must have the same output. It finds

  - state in variables of a closure, which is lost when the job is restored and shared by the keys of a subtask;
  - constructors with side effects, and functions that are not the same twice;
  - what depends on the number of subtasks, on the size of batches, or on the order in which inputs mix.

The places are random but not by chance: each seed has its own, and a failure names the seed.

# Time

Processing time stands still at [Start]. Event time moves with the records: sources send a watermark after every one
of them, unless the function says otherwise. Nothing sleeps.
*/
package leattest
