package main

import "slices"

// What finds bugs of whole jobs: a few seeds of the simulator. Which seeds find what depends on what the simulator makes of a seed;
// when it has changed, `go test -overlay` with -seeds=1000 tells which ones do now.
const (
	simFirst = "./internal/sim -run ^TestSim$ -seeds=20"
	simLater = "./internal/sim -run ^TestSim$ -from=50 -seeds=60"
	lossy    = "./connector/file -run ^TestLossyDiskDies$"
	disk     = "./internal/store -run ^TestCrashAtEachOperation$"
)

var mutants = slices.Concat(jobMutants, windowMutants, hashLogMutants)

var jobMutants = []mutant{
	{
		name: "commit before the manifest is durable",
		file: "internal/operator/sink.go",
		old:  "Subtask: s.env.Subtask, Data: data})\n\treturn nil",
		new:  "Subtask: s.env.Subtask, Data: data})\n\treturn s.commit.Commit(ctx, data)",
		by:   simFirst,
	},
	{
		name: "barrier skipped on one edge",
		file: "internal/runtime/align.go",
		old:  "if !a.blocked[i] && !a.ended[i] {",
		new:  "if !a.blocked[i] && !a.ended[i] && i != len(a.blocked)-1 {",
		by:   "./internal/runtime -run ^TestAlignment$",
	},
	{
		name: "alignment holds nothing back",
		file: "internal/runtime/align.go",
		old:  "if a.id == 0 || !a.blocked[m.Channel.Index] {",
		new:  "if a.id == 0 || true {",
		by:   simFirst,
	},
	{
		name: "the end of a channel completes no alignment",
		file: "internal/runtime/align.go",
		old:  "return a.id != 0 && a.aligned()\n}\n\n// allEnded",
		new:  "return false\n}\n\n// allEnded",
		by:   "./internal/runtime -run ^TestAlignment$",
	},
	{
		name: "barrier sent before the state is captured",
		file: "internal/runtime/subtask.go",
		old:  "\tt.capture(id)\n\tt.Chain.Links[0].Env.Metrics.Paused",
		new:  "\tdefer t.capture(id)\n\tt.Chain.Links[0].Env.Metrics.Paused",
		by:   "./internal/runtime -run ^TestFlushBeforeTheBarrier$",
	},
	{
		name: "offset of a reader that waits is one batch behind",
		file: "internal/operator/source.go",
		old:  "batch, err, p.position = got.batch, got.err, got.position",
		new:  "batch, err, p.position = got.batch, got.err, p.position",
		by:   simFirst,
	},
	{
		name: "finished splits are read again",
		file: "internal/operator/source.go",
		old:  "p.done = value[0] == splitDone",
		new:  "p.done = false",
		by:   simFirst,
	},
	{
		name: "clean-up too early: what a retained manifest names",
		file: "internal/checkpoint/history.go",
		old:  "retained, err := readAll(ctx, s, job, sequences[len(drop):])",
		new:  "retained, err := readAll(ctx, s, job, sequences[len(sequences)-1:])",
		by:   simFirst,
	},
	{
		name: "clean-up too early: what is being written",
		file: "internal/checkpoint/history.go",
		old:  "if !before(f, dataFolder(job), newest) {",
		new:  "if false {",
		by:   simFirst,
	},
	{
		name: "missing fsync of a segment or manifest",
		file: "internal/store/dirwriter.go",
		old:  "\terr := file.Sync()\n",
		new:  "\tvar err error\n",
		by:   disk,
	},
	{
		name: "missing fsync of a part",
		file: "connector/file/part.go",
		old:  "if err := p.file.Sync(); err != nil {",
		new:  "if err := error(nil); err != nil {",
		by:   lossy,
	},
	{
		name: "missing fsync of the folder that a part appears in",
		file: "connector/file/commit.go",
		old:  "\terr := c.syncDirty()\n",
		new:  "\tvar err error\n",
		by:   lossy,
	},
	{
		name: "committable dropped after a lost notification",
		file: "internal/operator/sink.go",
		old:  "return slices.Clone(s.prepared) }",
		new:  "return slices.Clone(s.prepared[max(0, len(s.prepared)-1):]) }",
		by:   simLater,
	},
	{
		name: "committables are not in the manifest",
		file: "internal/operator/sink.go",
		old:  "return slices.Clone(s.prepared) }",
		new:  "return slices.Clone(s.prepared[:0]) }",
		by:   simFirst,
	},
	{
		name: "committables of the manifest are not committed again",
		file: "internal/host/local/local.go",
		old:  "committables = a.options.Restore.Committables(n.Name)",
		new:  "_ = a.options.Restore.Committables(n.Name)",
		by:   simFirst,
	},
	{
		name: "what was prepared is not settled at a restore",
		file: "internal/host/local/local.go",
		old:  "\tfailpoint.Hit(failpoint.RecoverBefore)\n",
		new:  "\tif len(a.plan.Tasks) > 0 {\n\t\treturn nil\n\t}\n\tfailpoint.Hit(failpoint.RecoverBefore)\n",
		by:   simFirst,
	},
	{
		name: "a process that was taken for dead goes on",
		file: "internal/checkpoint/history.go",
		old:  "return errors.Join(ErrFenced, p.Close())",
		new:  "return p.Close()",
		by:   "./internal/checkpoint -run ^TestFencedAfterTidy$",
	},
	{
		name: "a manifest whose fate is unknown is taken for one's own",
		file: "internal/checkpoint/coordinator.go",
		old:  "rerr != nil || own.Epoch != c.Epoch {",
		new:  "rerr != nil || own == nil {",
		by:   "./internal/checkpoint -run ^TestLostAnswer$",
	},
	{
		name: "timers not restored",
		file: "internal/runtime/capture.go",
		old:  "\t\t\tif s.Name == state {\n",
		new:  "\t\t\tif s.Name == state && (s.Kind == backend.Timer || s.Kind == backend.Timers) {\n\t\t\t\treturn nil\n\t\t\t}\n\t\t\tif s.Name == state {\n",
		by:   simFirst,
	},
	{
		name: "a firing that a barrier cut is not resumed",
		file: "internal/runtime/capture.go",
		old:  "t.due = t.due || f.Firing",
		new:  "_ = f.Firing",
		by:   "./internal/sim -run ^TestSim$ -from=100 -seeds=500",
	},
	{
		name: "watermark floor not restored",
		file: "internal/runtime/capture.go",
		old:  "\treturn least\n}",
		new:  "\treturn flow.NoTime\n}",
		by:   "./internal/runtime -run ^TestRestore$",
	},
	{
		name: "watermark floors of windows not restored",
		file: "internal/runtime/capture.go",
		old:  "o.RestoreFloor(f)",
		new:  "_ = o",
		by:   simLater,
	},
	{
		name: "watermarks of splits not restored",
		file: "internal/operator/eventtime.go",
		old:  "s.marked = markedOf(value)",
		new:  "s.max, s.marked = flow.NoTime, flow.NoTime",
		by:   "./internal/operator -run ^TestRestoreBySplit$",
	},
	{
		name: "row reused under a snapshot",
		file: "internal/backend/heap/column.go",
		old:  "\tk, lo := c.writable(row), int(row&(chunkRows-1))\n\tk.present[lo>>6] &^=",
		new:  "\tk, lo := c.at(row), int(row&(chunkRows-1))\n\tk.present[lo>>6] &^=",
		by:   "./internal/backend/heap -run ^TestRowReuseUnderASnapshot$",
	},
	{
		name: "a slice changed through Ref under a snapshot",
		file: "internal/backend/heap/column.go",
		old:  "if c.fam.refs && k.own[lo>>6]&(1<<(lo&63)) == 0 {",
		new:  "if false {",
		by:   "./internal/backend/heap -run ^TestRefUnderSnapshots$",
	},
	{
		name: "a slice changed through Ref under two snapshots",
		file: "internal/backend/heap/frozen.go",
		old:  "old, until = old.old, old.until {",
		new:  "old = nil {",
		by:   "./internal/backend/heap -run ^TestRefUnderSnapshotsThatShare$",
	},
	{
		name: "a node of an ordered map changed under a snapshot",
		file: "internal/backend/heap/tree.go",
		old:  "return n.epoch <= f.space.newest }",
		new:  "return n.epoch < f.space.newest }",
		by:   "./internal/backend/heap -run ^TestConformance$",
	},
	{
		name: "an older checkpoint completes behind a newer one",
		file: "internal/checkpoint/coordinator.go",
		old:  "case p.manifest.Checkpoint < c.newest:\n\t\tp.fail(",
		new:  "case false:\n\t\tp.fail(",
		by:   "./internal/checkpoint -run ^TestOvertaken$",
	},
	{
		name: "a savepoint hides what was committed behind it",
		file: "internal/checkpoint/coordinator.go",
		old:  "if p.manifest.Checkpoint < c.newest { // a checkpoint",
		new:  "if false { // a checkpoint",
		by:   "./internal/checkpoint -run ^TestOvertaken$",
	},
	{
		name: "a halted process takes a later attempt's parts for left over",
		file: "connector/file/commit.go",
		old:  "!ok || attempt > s.Attempt {",
		new:  "!ok || attempt < 0 {",
		by:   "./connector/file -run ^TestTransactional$",
	},
	{
		name: "a command with --restore goes back each time it is run",
		file: "internal/checkpoint/take.go",
		old:  "slices.Contains(newest.From, id) && !o.AllowRepeat",
		new:  "false",
		by:   "./internal/checkpoint -run ^TestChoose$",
	},
	{
		name: "a holder of the lease goes on without having renewed it",
		file: "internal/recovery/lease.go",
		old:  "if l.clock.Now()-l.begun.Load() >= int64(l.length)*3/4 {",
		new:  "if false {",
		by:   "./internal/recovery -run ^TestLease",
	},
	{
		name: "merged sketch shares its memory",
		file: "agg/rough.go",
		old:  "Registers: slices.Clone(src.Registers)",
		new:  "Registers: slices.Clip(src.Registers)",
		by:   "./agg -run ^TestMergedRegistersAreTheirOwn$",
	},
	{
		name: "sketch forgets the ranks of its sparse form",
		file: "agg/rough.go",
		old:  "rank := more + int(entry&rankMask)",
		new:  "rank := more + 1",
		by:   "./agg -run ^TestRegisters$ -rapid.nofailfile",
	},
	{
		name: "equal bins lose a count",
		file: "agg/quantiles.go",
		old:  "min(a&countMask+b&countMask, countMask)",
		new:  "max(a&countMask, b&countMask)",
		by:   "./agg -run ^TestQuantilesWithinOnePercent$",
	},
}
