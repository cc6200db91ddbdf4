package lsm

// Engine is a sorted store in a folder. Get may run while another goroutine applies writes; Apply, Checkpoint, Clip and Ingest are called
// by one goroutine at a time, Stats by any.
type Engine interface {
	// Get reads the values of keys, which are in order, and calls found for each that there is. The value is valid until found returns.
	Get(keys [][]byte, found func(i int, value []byte)) error
	// Apply does writes, in their order. It may wait for room in memory.
	Apply(writes []Write) error
	// Checkpoint makes a folder, which must not be there, with the engine's files as they are: all that was applied is in them, and they
	// are durable.
	Checkpoint(dir string) error
	// Scan goes through the keys from one up to another, in order. What f is given is valid until it returns.
	Scan(from, to []byte, f func(key, value []byte) error) error
	// Clip removes all keys but those from one up to another.
	Clip(from, to []byte) error
	// NewFile begins a file of sorted keys for Ingest.
	NewFile(path string) (File, error)
	// Ingest takes over files of keys that the engine does not have, and that are in one file each. The files are the engine's from then on.
	Ingest(paths []string) error
	// Estimate is about how many keys there are.
	Estimate() (int64, error)
	// MemoryBytes is how much memory writes that are not in files yet may take up.
	MemoryBytes() int64
	Stats() EngineStats
	// Close gives the engine up. Nothing but Stats may follow.
	Close() error
}

// Write is a write: a key gets a value, or is deleted.
type Write struct {
	Key, Value []byte
	Delete     bool
}

// File is a file of sorted keys that is being written.
type File interface {
	Set(key, value []byte) error
	// Bytes is about how long the file is by now.
	Bytes() int64
	Close() error
}

// Driver opens the engines of a process, which share memory.
type Driver interface {
	// Format names the engine and its files.
	Format() string
	// Open opens the engine in a folder. The folder is empty, or has the files of a checkpoint.
	Open(dir string) (Engine, error)
	// OpenReader opens the engine in a folder that has the files of a checkpoint, for Get, Scan and Close alone. It changes none of them.
	OpenReader(dir string) (Engine, error)
	// Cache says how often blocks were found in memory, and how often not.
	Cache() (hits, misses int64)
	// Close gives up what the engines share, after all of them were closed.
	Close()
}

// EngineStats are numbers of an engine since it was opened, or as they are.
type EngineStats struct {
	Files         int64 // that it has now
	FileBytes     int64 // bytes of these
	MemtableBytes int64 // memory of writes that are not in files yet
	DebtBytes     int64 // about how many bytes compactions are behind
	FlushedBytes  int64 // bytes written from memory to files
	CompactRead   int64 // bytes read by compactions
	CompactWrite  int64 // bytes written by compactions
	Compactions   int64
}

func (s *EngineStats) add(o EngineStats) {
	s.Files += o.Files
	s.FileBytes += o.FileBytes
	s.MemtableBytes += o.MemtableBytes
	s.DebtBytes += o.DebtBytes
	s.FlushedBytes += o.FlushedBytes
	s.CompactRead += o.CompactRead
	s.CompactWrite += o.CompactWrite
	s.Compactions += o.Compactions
}
