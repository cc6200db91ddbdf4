package disk

import (
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/hashlog"
)

// Format is the format of files that hash logs write.
const Format = "hashlog"

func init() { backend.RegisterRecords(Format, read) }

// records are segments of hash logs.
type records []hashlog.Source

func read(sources []backend.RecordSource) (backend.Records, error) {
	all := make(records, 0, len(sources))
	for _, s := range sources {
		r, err := hashlog.ReadSegment(s.ReaderAt, s.Bytes, s.Name)
		if err != nil {
			return nil, err
		}
		all = append(all, hashlog.Source{Reader: r, From: s.From, To: s.To})
	}
	return all, nil
}

// Group goes through the records of a key group.
func (r records) Group(group int, f func(hash uint64, key, record []byte) error) error {
	return hashlog.ReadGroups(r, group, group+1, f)
}

// Close has nothing to give up.
func (r records) Close() error { return nil }

// Find finds the record of a key.
func (r records) Find(hash uint64, key []byte, f func(record []byte) error) error {
	return hashlog.ReadKey(r, hash, key, f)
}
