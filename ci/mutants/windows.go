package main

// What finds bugs of windows and joins: drawn histories of one operator, late records, snapshots and restores among them, which a
// plain model has worked through as well. The seed is fixed, and
// what it finds is not made smaller or kept in a file.
const (
	sliced  = "./internal/windowing -rapid.nofailfile -rapid.shrinktime=100ms -rapid.seed=1 -rapid.checks=300 -run ^TestAgainstModel$/"
	general = "./internal/windowing/general -rapid.nofailfile -rapid.shrinktime=100ms -rapid.seed=1 -rapid.checks=300 -run ^TestAgainstModel$/"
	joined  = "./internal/joining -rapid.nofailfile -rapid.shrinktime=100ms -rapid.seed=1 -rapid.checks=300 -run ^TestAgainstModel$/"
)

var windowMutants = []mutant{
	{
		name: "slice dropped before its lateness is over",
		file: "internal/windowing/sliced.go",
		old:  "horizon := o.spans.horizon(o.fired)",
		new:  "horizon := o.fired",
		by:   sliced + "^sliding$/^values$",
	},
	{
		name: "late record leaves the folds of sliding windows as they are",
		file: "internal/windowing/stacks.go",
		old:  ".stale = true",
		new:  ".stale = false",
		by:   sliced + "^sliding$/^values$",
	},
	{
		name: "late record leaves the sums of cumulating windows as they are",
		file: "internal/windowing/running.go",
		old:  "t.stale[at] = true",
		new:  "t.stale[at] = false",
		by:   sliced + "^cumulating$/^values$",
	},
	{
		name: "cumulating windows keep their sums over the end of a period",
		file: "internal/windowing/running.go",
		old:  "\t\tt.reset()\n",
		new:  "",
		by:   sliced + "^cumulating$/^values$",
	},
	{
		name: "sessions that merge lose one of them",
		file: "internal/windowing/sessions.go",
		old:  "\t\to.Merge(&s.acc, from.acc)\n",
		new:  "",
		by:   sliced + "^session$/^values$",
	},
	{
		name: "version dropped that still holds",
		file: "internal/joining/asof.go",
		old:  "j.versions.DeleteRange(flow.NoTime, newest)",
		new:  "j.versions.DeleteRange(flow.NoTime, newest+1)",
		by:   joined + "^asof$/^left$",
	},
	{
		name: "restored records of an interval join have had no partner",
		file: "internal/joining/saved.go",
		old:  "c.paired = s.Paired",
		new:  "c.paired = false",
		by:   joined + "^within$/^left$",
	},
	{
		name: "pairs of sessions that merge are emitted again",
		file: "internal/joining/kept.go",
		old:  "parts := slices.Concat(k.parts(), src.parts())",
		new:  "parts := k.parts()",
		by:   joined + "^session$/^inner$",
	},
	{
		name: "timer of a general session not set again after a merge",
		file: "internal/windowing/general/session.go",
		old:  "\to.ends.At(id, due)\n",
		new:  "\tif fresh {\n\t\to.ends.At(id, due)\n\t}\n",
		by:   general + "^session$",
	},
	{
		name: "evictor keeps a record too many",
		file: "internal/windowing/general/evict.go",
		old:  "all[max(0, len(all)-",
		new:  "all[max(0, len(all)-1-",
		by:   "./internal/windowing/general -run ^TestScripts$",
	},
	{
		name: "pane taken back with its new value",
		file: "internal/windowing/general/fire.go",
		old:  "o.work.takeBack(stood, p.At)",
		new:  "_, stood = stood, o.emitted.Get(w)\n\t\to.work.takeBack(stood, p.At)",
		by:   general + "^tumbling$",
	},
	{
		name: "record behind its watermark gathered with others",
		file: "internal/preaggregate/sender.go",
		old:  "if behind {\n\t\t\ts.alone(run)",
		new:  "if behind && false {\n\t\t\ts.alone(run)",
		by:   "./internal/preaggregate",
	},
	{
		name: "range deleted from the left joins a node with an empty one",
		file: "internal/backend/heap/tree_delete.go",
		old:  "return other > 0 && size+other <= mergeMost",
		new:  "return size+other <= mergeMost",
		by:   "./internal/backend/heap -run ^TestDeleteFromTheLeft$",
	},
}
