package checkpoint

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/store"
)

// The versions of manifests that this package reads. It writes the first for what is whole, so that older versions read it.
const (
	FormatVersion = 1
	FormatChained = 2 // some files are of checkpoints before, or have differences to them
	FormatRecords = 3 // and there are files of records
)

// Manifest is what a snapshot consists of. Writing it is what makes the snapshot complete.
type Manifest struct {
	Format     int    `json:"format"`
	Job        string `json:"job"`
	Checkpoint int64  `json:"checkpoint"`
	// Sequence counts the job's complete snapshots: each manifest has the number after its predecessor's, and only one
	// process can write it.
	Sequence int64 `json:"sequence"`
	// Epoch is the attempt that wrote it.
	Epoch int64 `json:"epoch"`
	// Taken is when the barriers set out.
	Taken time.Time `json:"taken"`
	// ID is a savepoint's name, wherever it lies: random. A manifest in a job's history that has one points to a savepoint,
	// which is the snapshot.
	ID string `json:"id,omitempty"`
	// Place is where the files lie if not in the store beside the manifest.
	Place string `json:"place,omitempty"`
	// Claimed says that the job may delete what lies at Place.
	Claimed bool `json:"claimed,omitempty"`
	// From are the IDs of the savepoints that the job has come through, the newest last.
	From []string `json:"from,omitempty"`
	// After is the newest manifest of the job's history when a savepoint was complete: as long as it is the newest, nothing
	// was committed since.
	After *Mark `json:"after,omitempty"`
	// Of are the IDs of the savepoints that a savepoint was rewritten from: it may take the place of each.
	Of             []string   `json:"of,omitempty"`
	MaxParallelism int        `json:"maxParallelism"`
	Operators      []Operator `json:"operators"`
}

// Mark names one manifest of a job's history.
type Mark struct {
	Sequence int64 `json:"sequence"`
	Epoch    int64 `json:"epoch"`
}

// mark is the manifest's own.
func (m *Manifest) mark() Mark { return Mark{Sequence: m.Sequence, Epoch: m.Epoch} }

// Operator is one operator's part of a snapshot.
type Operator struct {
	Name string     `json:"name"`
	Kind graph.Kind `json:"kind"`
	Key  string     `json:"key,omitempty"` // Go type
	// KeySchema is the schema of the key's canonical bytes.
	KeySchema codec.Schema    `json:"keySchema,omitzero"`
	States    []backend.State `json:"states,omitempty"`
	Files     []File          `json:"files,omitempty"`
	Records   []Records       `json:"records,omitempty"`
	Entries   []backend.Entry `json:"entries,omitempty"`
	Floors    []backend.Floor `json:"floors,omitempty"`
	// Committables are what an exactly-once sink has prepared and not yet committed when this was written.
	Committables []backend.Committable `json:"committables,omitempty"`
}

// File is a segment file, with the key groups that it has, half open.
type File struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	From  int    `json:"from"`
	To    int    `json:"to"`
	// Checkpoint wrote the file; 0: the one that the manifest is of. What a newer file has goes before what an older one has.
	Checkpoint int64 `json:"checkpoint,omitempty"`
}

// Where things lie in a store, below a folder for each job:
//
//	manifests/0000000007.json                  the seventh complete snapshot
//	epochs/0000000003                          the third process that ran the job
//	lease/0000000003-0000000042                its sign of life, if others stand by
//	data/0000000003/0000000012/window-0.seg    its twelfth checkpoint, subtask 0 of operator window
func manifestName(job string, sequence int64) string {
	return fmt.Sprintf("%s%010d.json", manifestFolder(job), sequence)
}

func manifestFolder(job string) string { return url.PathEscape(job) + "/manifests/" }

func epochFolder(job string) string { return url.PathEscape(job) + "/epochs/" }

func epochName(job string, epoch int64) string {
	return fmt.Sprintf("%s%010d", epochFolder(job), epoch)
}

func dataFolder(job string) string { return url.PathEscape(job) + "/data/" }

func segmentName(job string, epoch, checkpoint int64, operator string, subtask int) string {
	return fmt.Sprintf("%s%010d/%010d/%s-%d.seg", dataFolder(job), epoch, checkpoint, url.PathEscape(operator), subtask)
}

// Read reads the manifest of a job's snapshot.
func Read(ctx context.Context, s store.Store, job string, sequence int64) (*Manifest, error) {
	return readNamed(ctx, s, manifestName(job, sequence))
}

func readNamed(ctx context.Context, s store.Store, name string) (*Manifest, error) {
	p, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	data, err := io.ReadAll(io.NewSectionReader(p, 0, p.Size()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	m, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// sealMark begins the last line of a manifest: the CRC-32C of all before that line, in hexadecimal digits.
const sealMark = "crc32c "

func sealed(data []byte) []byte {
	data = append(data, '\n')
	return fmt.Appendf(data, "%s%08x\n", sealMark, crc32.Checksum(data, castagnoli))
}

// encode is the manifest as it is written.
func (m *Manifest) encode() ([]byte, error) {
	m.sort()
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, err
	}
	return sealed(data), nil
}

// parse reads a manifest's bytes.
func parse(data []byte) (*Manifest, error) {
	body, seal, ok := cutSeal(data)
	if !ok {
		return nil, fmt.Errorf("%w: it does not end with its checksum", ErrDamaged)
	}
	if want := fmt.Sprintf("%08x", crc32.Checksum(body, castagnoli)); seal != want {
		return nil, fmt.Errorf("%w: its checksum is %s, not %s", ErrDamaged, want, seal)
	}
	var m Manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if m.Format < FormatVersion || m.Format > FormatRecords {
		return nil, fmt.Errorf("format %d is not one that this version reads (%d to %d)", m.Format, FormatVersion, FormatRecords)
	}
	return &m, nil
}

// cutSeal divides a manifest into what the checksum is of, and the checksum.
func cutSeal(data []byte) (body []byte, seal string, ok bool) {
	i := bytes.LastIndex(data, []byte("\n"+sealMark))
	if i < 0 || len(data) != i+1+len(sealMark)+8+1 || data[len(data)-1] != '\n' {
		return nil, "", false
	}
	return data[:i+1], string(data[i+1+len(sealMark) : len(data)-1]), true
}

// writer is the checkpoint that wrote a file.
func (m *Manifest) writer(f File) int64 { return cmp.Or(f.Checkpoint, m.Checkpoint) }

// operator finds an operator by name.
func (m *Manifest) operator(name string) *Operator {
	for i := range m.Operators {
		if m.Operators[i].Name == name {
			return &m.Operators[i]
		}
	}
	return nil
}

// sort puts everything in an order that does not depend on which subtask was first.
func (m *Manifest) sort() {
	sort.Slice(m.Operators, func(i, j int) bool { return m.Operators[i].Name < m.Operators[j].Name })
	for i := range m.Operators {
		o := &m.Operators[i]
		m.sortRecords(o)
		slices.SortFunc(o.Files, func(a, b File) int {
			return cmp.Or(cmp.Compare(m.writer(a), m.writer(b)), strings.Compare(a.Name, b.Name))
		})
		slices.SortFunc(o.Committables, func(a, b backend.Committable) int {
			return cmp.Or(cmp.Compare(a.Checkpoint, b.Checkpoint), cmp.Compare(a.Subtask, b.Subtask), bytes.Compare(a.Data, b.Data))
		})
		sort.Slice(o.Floors, func(i, j int) bool { return o.Floors[i].From < o.Floors[j].From })
		slices.SortFunc(o.Entries, func(a, b backend.Entry) int {
			return cmp.Or(strings.Compare(a.State, b.State), strings.Compare(a.Key, b.Key), bytes.Compare(a.Value, b.Value))
		})
	}
}
