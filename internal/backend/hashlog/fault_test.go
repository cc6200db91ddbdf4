package hashlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/vfs"
)

// store keeps snapshots on the disk that the log is on, as a job's store does: segments are linked, and a manifest that is made
// durable last makes a snapshot complete.
type store struct {
	disk     *vfs.Mem
	folders  *vfs.Folders
	linked   map[string]bool
	complete int                       // the newest barrier whose snapshot is
	truth    map[int]map[string]string // of each barrier that a manifest was begun for
}

func newStore(disk *vfs.Mem) *store {
	return &store{disk: disk, folders: vfs.NewFolders(disk), linked: map[string]bool{}, truth: map[int]map[string]string{}}
}

func (s *store) keep(b *barrier) error {
	if err := s.folders.Make("store"); err != nil {
		return err
	}
	files := b.files()
	for i := range files {
		f := &files[i]
		to := path.Join("store", path.Base(f.Path))
		if !s.linked[to] {
			if err := s.disk.Link(f.Path, to); err != nil {
				return err
			}
			s.linked[to] = true
		}
		f.Path = to
	}
	if err := s.disk.SyncDir("store"); err != nil {
		return err
	}
	s.truth[b.number] = b.truth
	if err := s.manifest(b.number, files); err != nil {
		return err
	}
	s.complete = b.number
	return nil
}

func (s *store) manifest(number int, files []SegmentFile) error {
	text, err := json.Marshal(files)
	if err != nil {
		return err
	}
	f, err := s.disk.Create("store/draft")
	if err != nil {
		return err
	}
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := s.disk.Rename("store/draft", fmt.Sprintf("store/manifest-%04d", number)); err != nil {
		return err
	}
	return s.disk.SyncDir("store")
}

// check restores the newest snapshot of a disk, which is at least the newest that was complete.
func (s *store) check(t *testing.T, disk *vfs.Mem, hash func([]byte) uint64, max int) {
	t.Helper()
	infos, err := disk.ReadDir("store")
	if errors.Is(err, fs.ErrNotExist) && s.complete == 0 {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	for _, info := range infos {
		if n, ok := strings.CutPrefix(info.Name, "manifest-"); ok {
			if _, err := fmt.Sscanf(n, "%d", &number); err != nil {
				t.Fatal(err)
			}
		}
	}
	if number < s.complete {
		t.Fatalf("the newest snapshot is %d, and %d was complete", number, s.complete)
	}
	if number == 0 {
		return
	}
	text, err := vfs.ReadFile(disk, fmt.Sprintf("store/manifest-%04d", number))
	if err != nil {
		t.Fatal(err)
	}
	var files []SegmentFile
	if err := json.Unmarshal(text, &files); err != nil {
		t.Fatal(err)
	}
	checkRestore(t, disk, files, s.truth[number], hash, max, 1+number%max)
}

// begin makes a world whose snapshots go to a store.
func begin(t *testing.T, seed uint64) (*world, *store) {
	w := newWorld(t, worldOptions{seed: seed, disk: vfs.NewMem(), hash: keygroup.HashBytes, keys: 60, max: 4, segment: 4 << 10})
	s := newStore(w.disk)
	w.completed = s.keep
	return w, s
}

// runWorld goes on until an error or a number of steps, and says how it ended.
func runWorld(w *world, steps int) error {
	for range steps {
		if err := w.step(); err != nil {
			return err
		}
	}
	return nil
}

const faultSteps = 250

// durable are operations after which the disk of a crash is another one.
func durable(line string) bool {
	for _, op := range []string{"create:", "write:", "sync:", "sync-dir:", "link:", "rename:", "remove:"} {
		if strings.HasPrefix(line, op) {
			return true
		}
	}
	return false
}

// operations are the numbers of a world's operations that change the disk.
func operations(t *testing.T, seed uint64) (numbers []int64) {
	w, _ := begin(t, seed)
	first := w.disk.Operations()
	count := int64(0)
	w.disk.Log = func(line string) {
		count++
		if durable(line) {
			numbers = append(numbers, count)
		}
	}
	if err := runWorld(w, faultSteps); err != nil {
		t.Fatal(err)
	}
	w.disk.Log = nil
	if w.disk.Operations() != first+count {
		t.Fatal("operations are counted wrong")
	}
	return numbers
}

// TestCrash kills the process before each operation that changes the disk, and after the last; a disk that lost what was not
// synced has every snapshot that was complete.
func TestCrash(t *testing.T) {
	for seed := range seeds(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			for i, k := range operations(t, seed) {
				if testing.Short() && i%4 != 0 {
					continue
				}
				w, s := begin(t, seed)
				w.disk.Halt(k)
				if err := runWorld(w, faultSteps); !errors.Is(err, vfs.ErrHalted) && err != nil {
					t.Fatalf("operation %d: %v", k, err)
				}
				for crash := range uint64(2) {
					s.check(t, w.disk.Crash(crash*1000+uint64(k)), w.hash, w.config.Max)
				}
			}
		})
	}
}

// TestErrors has each operation fail once. What reaches the owner is an error or the truth, and the newest snapshot is whole.
func TestErrors(t *testing.T) {
	for seed := range seeds(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w, _ := begin(t, seed)
			first := w.disk.Operations()
			if err := runWorld(w, faultSteps); err != nil {
				t.Fatal(err)
			}
			last := w.disk.Operations() - first
			met := 0
			step := 1 + int64(seed)
			if testing.Short() {
				step = 7
			}
			for k := int64(1); k <= last; k += step {
				w, s := begin(t, seed)
				w.disk.Fail(k, syscall.EIO)
				err := runWorld(w, faultSteps)
				if err != nil {
					met++
					if !errors.Is(err, syscall.EIO) {
						t.Fatalf("operation %d: %v", k, err)
					}
					checkRefuses(t, w, err)
				}
				w.disk.Heal()
				w.disk.Remove("store/draft")
				s.check(t, w.disk, w.hash, w.config.Max)
			}
			if met == 0 {
				t.Error("no error reached the owner")
			}
		})
	}
}

// checkRefuses: a table whose tail has failed says so from then on.
func checkRefuses(t *testing.T, w *world, err error) {
	t.Helper()
	if w.table.failure.get() == nil {
		return // something else failed
	}
	_, again := w.table.Put(w.hash([]byte("x")), []byte("x"), nil)
	_, sealed := w.table.Seal()
	if !errors.Is(again, syscall.EIO) && !errors.Is(again, syscall.ENOSPC) || sealed == nil {
		t.Fatalf("after %v: put: %v; seal: %v", err, again, sealed)
	}
}

// TestFull fills the disk up at different times.
func TestFull(t *testing.T) {
	for seed := range seeds(40) {
		w, s := begin(t, seed)
		w.disk.Fill(int64(w.random.IntN(300_000)))
		err := runWorld(w, 4*faultSteps)
		if err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			checkRefuses(t, w, err)
		}
		w.disk.Heal()
		s.check(t, w.disk, w.hash, w.config.Max)
	}
}

// TestFlips has reads turn over bits: the owner gets an error or the truth.
func TestFlips(t *testing.T) {
	damaged := 0
	for seed := range seeds(40) {
		w, _ := begin(t, seed)
		w.completed = func(*barrier) error { return nil }
		w.disk.FlipBits(seed, 0.003)
		if err := runWorld(w, 2*faultSteps); err != nil {
			damage := new(DamageError)
			if !errors.As(err, &damage) || damage.File == "" {
				t.Fatal(err)
			}
			damaged++
		}
	}
	if damaged == 0 {
		t.Error("no damage was found")
	}
}

// TestDamage turns over each bit of a snapshot's segments: whoever verifies them finds it, and a restored table gives an error or
// the truth.
func TestDamage(t *testing.T) {
	w, _ := begin(t, 1)
	w.longest = 0
	if err := runWorld(w, 60); err != nil {
		t.Fatal(err)
	}
	step := int64(61)
	if testing.Short() {
		step = 601
	}
	w.completed = func(b *barrier) error {
		files := b.files()
		for i, f := range files[max(0, len(files)-3):] {
			info, err := w.disk.Stat(f.Path)
			if err != nil {
				return err
			}
			for bit := int64(i); bit < info.Bytes*8; bit += step {
				if err := w.disk.Damage(f.Path, bit); err != nil {
					return err
				}
				checkDamaged(t, w, b, f)
				if err := w.disk.Damage(f.Path, bit); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := w.snapshot(); err != nil {
		t.Fatal(err)
	}
	w.close()
}

func checkDamaged(t *testing.T, w *world, b *barrier, f SegmentFile) {
	t.Helper()
	if err := verifyFile(w, f); !errors.As(err, new(*DamageError)) {
		t.Fatalf("verify: %v", err)
	}
	log, err := Open(Options{FS: w.disk, Dir: "other", Background: func(work func()) { work() }})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	log.hash = w.hash
	table, err := log.NewTable(TableConfig{From: 0, To: w.config.Max, Max: w.config.Max})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	if err := table.Restore(b.files()); err != nil {
		if !errors.As(err, new(*DamageError)) {
			t.Fatal(err)
		}
		return
	}
	for _, key := range slices.Sorted(maps.Keys(b.truth)) {
		batch := Batch{Keys: [][]byte{[]byte(key)}, Hashes: []uint64{w.hash([]byte(key))}}
		if err := table.Get(&batch); err != nil {
			if !errors.As(err, new(*DamageError)) {
				t.Fatal(err)
			}
		} else if batch.Places[0] == 0 || string(batch.Values[0]) != b.truth[key] {
			t.Fatalf("key %s is wrong, without an error", key)
		}
	}
}

func verifyFile(w *world, f SegmentFile) error {
	file, err := w.disk.Open(f.Path)
	if err != nil {
		return err
	}
	size, err := file.Size()
	if err != nil {
		return err
	}
	r, err := ReadSegment(file, size, f.Name)
	if err != nil {
		return err
	}
	r.hash = w.hash
	return r.Verify()
}

// After an error of the tail a table takes no more writes, though the disk is well again: what is in the file is unknown.
func TestRefuses(t *testing.T) {
	for name, fault := range map[string]func(*vfs.Mem){
		"no file":  func(disk *vfs.Mem) { disk.Fail(1, syscall.EIO) },
		"no write": func(disk *vfs.Mem) { disk.Fail(2, syscall.EIO) },
		"torn":     func(disk *vfs.Mem) { disk.Fill(100) },
	} {
		disk := vfs.NewMem()
		_, table := openTable(t, Options{FS: disk, BufferBytes: 4 << 10, Background: inline}, 1)
		fault(disk)
		var failed error
		for n := 0; failed == nil; n++ {
			key, hash := number(n)
			_, failed = table.Put(hash, key, make([]byte, 1000))
		}
		disk.Heal()
		_, again := table.Put(1, []byte("key"), nil)
		_, sealed := table.Seal()
		_, rewritten := table.Rewrite(1)
		for _, err := range []error{again, table.Delete(2, []byte("key"), 0), sealed, rewritten} {
			if err == nil || err.Error() != failed.Error() {
				t.Errorf("%s: first %v, then %v", name, failed, err)
			}
		}
	}
}
