package main

// What finds bugs of the hash log: its table under a model, with restores at other parallelisms.
const (
	hashLogModel       = "./internal/backend/hashlog -run ^TestModel$ -short"
	hashLogGenerations = "./internal/backend/hashlog -run ^TestGenerations$"
)

var hashLogMutants = []mutant{
	{
		name: "hash log: tombstones are given up while older records are there",
		file: "internal/backend/hashlog/rewrite.go",
		old:  "keep := t.needsTombstones(h, s.oldest[first])",
		new:  "keep := false",
		by:   hashLogModel,
	},
	{
		name: "hash log: what is rewritten has nothing obsolete ever after",
		file: "internal/backend/hashlog/rewrite.go",
		old:  "purged: t.clock()",
		new:  "purged: 1 << 62",
		by:   "./internal/backend/hashlog -run ^TestModel$",
	},
	{
		name: "hash log: segments are rewritten as one across a draft",
		file: "internal/backend/hashlog/choose.go",
		old:  "!a.busy && !b.busy && !s.table.draftWithin(a.seg.rank, b.seg.rank)",
		new:  "!a.busy && !b.busy",
		by:   "./internal/backend/hashlog -run ^TestModel$",
	},
	{
		name: "hash log: a shared file counts for key groups of others",
		file: "internal/backend/hashlog/restore.go",
		old:  "files[i].From, files[i].To = max(files[i].From, t.config.From), min(files[i].To, t.config.To)",
		new:  "files[i].From, files[i].To = t.config.From, t.config.To",
		by:   hashLogGenerations,
	},
	{
		name: "state on disk: a row that has changed goes without being written",
		file: "internal/backend/heap/cold.go",
		old:  "return r.place() != 0 && !c.changed(g, row, c.saved)",
		new:  "return r.place() != 0",
		by:   "./internal/backend/disk",
	},
	{
		name: "hash log: keys of one hash are not told apart",
		file: "internal/backend/hashlog/table.go",
		old:  "\tt.colliding.add(hash)",
		new:  "\t_ = hash",
		by:   hashLogModel,
	},
	{
		name: "hash log: a draft's rank is above what comes after it",
		file: "internal/backend/hashlog/draft.go",
		old:  "rank: t.nextRank(),",
		new:  "rank: t.nextRank() + 9<<partBits,",
		by:   hashLogModel,
	},
	{
		name: "hash log: a segment is called durable and is not",
		file: "internal/backend/hashlog/segment.go",
		old:  "\tif err := s.file.Sync(); err != nil {",
		new:  "\tif err := error(nil); err != nil {",
		by:   "./internal/backend/hashlog -run ^TestCrash$ -short",
	},
	{
		name: "hash log: a damaged record is taken for a record",
		file: "internal/backend/hashlog/get.go",
		old:  "\t\tr.err = s.damage(r.offset, \"the record's checksum is wrong\")",
		new:  "\t\t_ = s",
		by:   "./internal/backend/hashlog -run ^TestFlips$",
	},
}
