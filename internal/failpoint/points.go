package failpoint

// Point is a step at which the process can be killed.
type Point string

// The points, in about the order in which an attempt comes to them. A name is area/step; a step that comes again and again
// (for each subtask, file or part) is one point, and the number of the hit says which.
const (
	JobClaimed Point = "job/claimed" // the attempt has its epoch, and has written nothing else
	TakeBefore Point = "take/before" // the newest snapshot is read, and the manifest that takes the job over not written
	TakeAfter  Point = "take/after"  // it is

	RecoverBefore  Point = "recover/before"  // no sink has settled what was prepared
	RecoverBetween Point = "recover/between" // one more has
	RecoverAfter   Point = "recover/after"   // all have
	RestoreAfter   Point = "restore/after"   // state is restored, no record read

	CheckpointBegun     Point = "checkpoint/begun"     // it has its number, no subtask knows of it
	CheckpointTriggered Point = "checkpoint/triggered" // one more subtask does
	CheckpointCaptured  Point = "checkpoint/captured"  // a subtask has met the barrier and captured its part

	SegmentBegun   Point = "segment/begun"   // the file is there, with its first bytes
	SegmentHalf    Point = "segment/half"    // a frame's head is written, its payload is not
	SegmentWritten Point = "segment/written" // all of it is written and not durable
	SegmentClosed  Point = "segment/closed"  // it is durable and has its name

	RecordsBefore Point = "records/before" // a file of the state on disk is durable, and not in the store
	RecordsAfter  Point = "records/after"  // it is

	PrepareBefore Point = "prepare/before" // a sink has met the barrier
	PrepareAfter  Point = "prepare/after"  // what it has written is durable and hidden

	ManifestBefore Point = "manifest/before" // all parts of a checkpoint are durable
	ManifestAfter  Point = "manifest/after"  // the checkpoint is complete, nothing committed

	CommitBefore     Point = "commit/before"      // no subtask knows that the checkpoint is complete
	CommitSinkBefore Point = "commit/sink/before" // a sink is about to commit
	CommitSinkAfter  Point = "commit/sink/after"  // it has, and nobody knows
	CommitBetween    Point = "commit/between"     // some subtasks have committed
	CommitAfter      Point = "commit/after"       // all have
	FinalComplete    Point = "final/complete"     // the checkpoint at the end of input is complete and not committed
	FinalCommitted   Point = "final/committed"    // it is committed, the job has not ended

	SavepointBegun     Point = "savepoint/begun"     // its folder is there, and nothing else of it
	SavepointWritten   Point = "savepoint/written"   // all its files are durable
	SavepointManifest  Point = "savepoint/manifest"  // its manifest is too, and the mark of what is incomplete is still there
	SavepointComplete  Point = "savepoint/complete"  // the mark is gone; the job's history does not know of it
	SavepointAdopted   Point = "savepoint/adopted"   // it is the newest of the job's history, and nothing committed
	SavepointCommitted Point = "savepoint/committed" // all is committed, the job has not ended
	SavepointDiscarded Point = "savepoint/discarded" // the manifest of one that the job owned is deleted, its files are not

	TidyBefore    Point = "tidy/before"    // nothing is deleted
	TidyManifest  Point = "tidy/manifest"  // one more old manifest is
	TidyManifests Point = "tidy/manifests" // all that go are, and none of their files
	TidyFile      Point = "tidy/file"      // one more old file is
	TidyAfter     Point = "tidy/after"     // all are

	StoreSynced  Point = "store/synced"  // a piece is durable under a temporary name
	StoreLinked  Point = "store/linked"  // it has its name, which is not durable
	StoreShown   Point = "store/shown"   // its name is durable, the temporary one still there
	StoreRemoved Point = "store/removed" // a piece is removed, which is not durable

	PartWritten   Point = "part/written"  // a part of a file sink is written and not durable
	PartSynced    Point = "part/synced"   // its bytes are durable, its name is not
	PartsPrepared Point = "part/prepared" // all parts of a subtask are durable under hidden names
	PartShowing   Point = "part/showing"  // a part is about to be shown
	PartShown     Point = "part/shown"    // it is, which is not durable
	PartsDurable  Point = "part/durable"  // all parts of a committable are shown, durably
	PartsSettled  Point = "part/settled"  // a sink that recovers has shown what was prepared, and removed nothing
	PartRemoved   Point = "part/removed"  // it has removed one more part that nobody prepared
)

// All are all points.
func All() []Point {
	return []Point{
		JobClaimed, TakeBefore, TakeAfter,
		RecoverBefore, RecoverBetween, RecoverAfter, RestoreAfter,
		CheckpointBegun, CheckpointTriggered, CheckpointCaptured,
		SegmentBegun, SegmentHalf, SegmentWritten, SegmentClosed,
		RecordsBefore, RecordsAfter,
		PrepareBefore, PrepareAfter,
		ManifestBefore, ManifestAfter,
		CommitBefore, CommitSinkBefore, CommitSinkAfter, CommitBetween, CommitAfter, FinalComplete, FinalCommitted,
		SavepointBegun, SavepointWritten, SavepointManifest, SavepointComplete, SavepointAdopted, SavepointCommitted, SavepointDiscarded,
		TidyBefore, TidyManifest, TidyManifests, TidyFile, TidyAfter,
		StoreSynced, StoreLinked, StoreShown, StoreRemoved,
		PartWritten, PartSynced, PartsPrepared, PartShowing, PartShown, PartsDurable, PartsSettled, PartRemoved,
	}
}
