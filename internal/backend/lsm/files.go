package lsm

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"

	"leat.dev/leat/internal/backend"
)

// A checkpoint is many files: sorted ones, which are large, never change and are in the next checkpoint too; and a few small ones that
// say which of them count. A snapshot has the sorted ones as they are, and all that is small in one file of ours, the listing:
//
//	leatlsm1 ab12cd34\n       the CRC of what follows, CRC-32C
//	{"from":0,"to":64,"max":128,"sorted":[{"file":"000007.sst","name":"8c…-000007.sst","bytes":2097152},…],"small":[{"file":"CURRENT","data":"…"},…]}

const (
	listingMagic  = "leatlsm1 "
	listingEnding = ".listing"
	sortedEnding  = ".sst"
	lockFile      = "LOCK"
)

// listing says what a checkpoint is made of.
type listing struct {
	From   int          `json:"from"` // key groups of the table
	To     int          `json:"to"`
	Max    int          `json:"max"` // of the job
	Sorted []sortedFile `json:"sorted"`
	Small  []smallFile  `json:"small"`
}

type sortedFile struct {
	File  string `json:"file"` // its name for the engine
	Name  string `json:"name"` // its name in snapshots
	Bytes int64  `json:"bytes"`
}

type smallFile struct {
	File string `json:"file"`
	Data []byte `json:"data"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (l *listing) encode() ([]byte, error) {
	body, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	return append(fmt.Appendf(nil, "%s%08x\n", listingMagic, crc32.Checksum(body, castagnoli)), body...), nil
}

func decodeListing(b []byte) (*listing, error) {
	const head = len(listingMagic) + 9
	if len(b) < head || string(b[:len(listingMagic)]) != listingMagic || b[head-1] != '\n' {
		return nil, errors.New("it does not begin as a listing does")
	}
	sum, err := hex.DecodeString(string(b[len(listingMagic) : head-1]))
	if err != nil || crc32.Checksum(b[head:], castagnoli) != uint32(sum[0])<<24|uint32(sum[1])<<16|uint32(sum[2])<<8|uint32(sum[3]) {
		return nil, errors.New("its checksum is wrong")
	}
	l := &listing{}
	if err := json.Unmarshal(b[head:], l); err != nil {
		return nil, err
	}
	return l, l.check()
}

// check refuses names that would lead out of a folder.
func (l *listing) check() error {
	for _, s := range l.Sorted {
		if filepath.Base(s.File) != s.File || s.Bytes < 0 {
			return fmt.Errorf("it has the file %q", s.File)
		}
	}
	for _, s := range l.Small {
		if filepath.Base(s.File) != s.File {
			return fmt.Errorf("it has the file %q", s.File)
		}
	}
	return nil
}

func (l *listing) bytes() (sum int64) {
	for _, s := range l.Sorted {
		sum += s.Bytes
	}
	return sum
}

// A DamageError says that a file of a snapshot, or of an engine, is not as it was written: nothing of it is used.
type DamageError struct {
	File string
	Err  error
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("file %s is damaged: %v; restore from a snapshot, and check the disk", e.File, e.Err)
}

// Unwrap has errors.Is know it as damage.
func (e *DamageError) Unwrap() []error { return []error{backend.ErrDamaged, e.Err} }

// recordFile is a file of a checkpoint.
type recordFile struct {
	name, path string
	bytes      int64
	from, to   int
}

var _ backend.RecordFile = (*recordFile)(nil)

func (f *recordFile) Name() string           { return f.name }
func (f *recordFile) Path() string           { return f.path }
func (f *recordFile) Bytes() int64           { return f.bytes }
func (f *recordFile) Groups() (from, to int) { return f.from, f.to }

// ReadAt reads a part of the file.
func (f *recordFile) ReadAt(b []byte, at int64) (int, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return file.ReadAt(b, at)
}

// list makes the files of a snapshot of a checkpoint's folder.
func (t *Table) list(dir string) ([]backend.RecordFile, error) {
	l := &listing{From: t.from, To: t.to, Max: t.max}
	if err := l.read(dir, t.name); err != nil {
		return nil, err
	}
	b, err := l.encode()
	if err != nil {
		return nil, err
	}
	name := t.folder.namespace + "-" + filepath.Base(dir) + listingEnding
	path := filepath.Join(dir, name)
	if err := writeDurably(path, b); err != nil {
		return nil, err
	}
	files := []backend.RecordFile{&recordFile{name, path, int64(len(b)), t.from, t.to}}
	for _, s := range l.Sorted {
		files = append(files, &recordFile{s.Name, filepath.Join(dir, s.File), s.Bytes, t.from, t.to})
	}
	return files, nil
}

// name is the name that a sorted file has in snapshots: the engine numbers its files in its folder, and has some of the folder that it
// was restored from.
func (t *Table) name(file string) string {
	if name, ok := t.restored[file]; ok {
		return name
	}
	return t.folder.namespace + "-" + file
}

// read reads a checkpoint's folder.
func (l *listing) read(dir string, name func(file string) string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		file := e.Name()
		switch {
		case e.IsDir() || file == lockFile:
		case strings.HasSuffix(file, sortedEnding):
			info, err := e.Info()
			if err != nil {
				return err
			}
			l.Sorted = append(l.Sorted, sortedFile{file, name(file), info.Size()})
		default:
			data, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				return err
			}
			l.Small = append(l.Small, smallFile{file, data})
		}
	}
	return nil
}

func writeDurably(path string, b []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

// link makes a folder that an engine can be opened in of a snapshot's files.
func (l *listing) link(dir string, sources map[string]backend.RecordSource) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, s := range l.Small {
		if err := os.WriteFile(filepath.Join(dir, s.File), s.Data, 0o644); err != nil {
			return err
		}
	}
	for _, s := range l.Sorted {
		source, ok := sources[s.Name]
		if !ok {
			return fmt.Errorf("file %s of the snapshot is missing", s.Name)
		}
		if source.Bytes != s.Bytes {
			return &DamageError{s.Name, fmt.Errorf("it has %d bytes of %d", source.Bytes, s.Bytes)}
		}
		if err := bring(filepath.Join(dir, s.File), source); err != nil {
			return fmt.Errorf("bring file %s of the snapshot: %w", s.Name, err)
		}
	}
	return nil
}

// bring has a file under another name: by a link, or copied where that can't be.
func bring(to string, s backend.RecordSource) error {
	if s.Path != "" {
		if info, err := os.Stat(s.Path); err != nil {
			return err
		} else if info.Size() != s.Bytes {
			return &DamageError{s.Name, fmt.Errorf("it has %d bytes of %d", info.Size(), s.Bytes)}
		}
		if os.Link(s.Path, to) == nil {
			return nil
		}
		f, err := os.Open(s.Path)
		if err != nil {
			return err
		}
		defer f.Close()
		return write(to, f, s)
	}
	return write(to, s.ReaderAt, s)
}

func write(to string, from io.ReaderAt, s backend.RecordSource) error {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.NewSectionReader(from, 0, s.Bytes))
	if err == nil && n != s.Bytes {
		err = &DamageError{s.Name, fmt.Errorf("it has %d bytes of %d", n, s.Bytes)}
	}
	return errors.Join(err, f.Sync(), f.Close())
}
