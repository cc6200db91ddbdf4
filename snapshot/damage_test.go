package snapshot_test

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leat.dev/leat"
	"leat.dev/leat/internal/inspect"
)

// found says whether verifying finds that something is wrong with a snapshot, and what it says.
func found(t *testing.T, place string) (string, bool) {
	t.Helper()
	s, err := inspect.Open(t.Context(), place)
	if err != nil {
		return err.Error(), true
	}
	v, err := s.Verify(t.Context())
	if err != nil {
		return err.Error(), true
	}
	return v.String(), len(v.Damage) > 0
}

// filesOf are all files of a savepoint.
func filesOf(t *testing.T, place string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(place, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil || len(all) < 3 {
		t.Fatalf("%d files: %v", len(all), err)
	}
	return all
}

// Any bit of any file that is flipped is found, and the file is named.
func TestVerifyFindsFlippedBits(t *testing.T) {
	place := taken(t)
	if text, bad := found(t, place); bad {
		t.Fatalf("it is damaged to begin with: %s", text)
	}
	flips, r := 40, rand.New(rand.NewPCG(7, 7))
	if testing.Short() {
		flips = 8
	}
	for _, file := range filesOf(t, place) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for range flips {
			at, bit := r.IntN(len(text)), byte(1)<<r.IntN(8)
			text[at] ^= bit
			if err := os.WriteFile(file, text, 0o666); err != nil {
				t.Fatal(err)
			}
			if said, bad := found(t, place); !bad || !strings.Contains(said, filepath.Base(file)) {
				t.Errorf("%s: byte %d, bit %02x: found %v: %s", filepath.Base(file), at, bit, bad, said)
			}
			text[at] ^= bit
		}
		if err := os.WriteFile(file, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if text, bad := found(t, place); bad {
		t.Errorf("it was mended, and still: %s", text)
	}
}

func TestVerifyFindsFilesOfAnotherLength(t *testing.T) {
	for name, change := range map[string]func(text []byte) []byte{
		"cut":   func(text []byte) []byte { return text[:len(text)-1] },
		"half":  func(text []byte) []byte { return text[:len(text)/2] },
		"empty": func([]byte) []byte { return nil },
		"more":  func(text []byte) []byte { return append(text, 0) },
		"twice": func(text []byte) []byte { return append(text, text...) },
	} {
		place := taken(t)
		for _, file := range filesOf(t, place) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, change(append([]byte{}, text...)), 0o666); err != nil {
				t.Fatal(err)
			}
			if said, bad := found(t, place); !bad || !strings.Contains(said, filepath.Base(file)) {
				t.Errorf("%s %s: found %v: %s", filepath.Base(file), name, bad, said)
			}
			if err := os.WriteFile(file, text, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestVerifyFindsMissingFiles(t *testing.T) {
	place := taken(t)
	for _, file := range filesOf(t, place) {
		if filepath.Base(file) == "manifest.json" {
			continue
		}
		if err := os.Rename(file, file+".away"); err != nil {
			t.Fatal(err)
		}
		if said, bad := found(t, place); !bad || !strings.Contains(said, filepath.Base(file)+": the file is missing") {
			t.Errorf("%s: found %v: %s", filepath.Base(file), bad, said)
		}
		if err := os.Rename(file+".away", file); err != nil {
			t.Fatal(err)
		}
	}
}

// Files that are whole and belong to other subtasks have keys that are in no file, and others that are in two.
func TestVerifyFindsFilesThatChangedPlaces(t *testing.T) {
	dir := t.TempDir()
	place, _ := savepoint(t, dir, func(in held, out *output) *leat.Job { return shop(dir, in, out) }, sales(100), 100)
	a, b := filepath.Join(place, "data", "detect-0.seg"), filepath.Join(place, "data", "detect-1.seg")
	for _, names := range [][2]string{{a, a + ".x"}, {b, a}, {a + ".x", b}} {
		if err := os.Rename(names[0], names[1]); err != nil {
			t.Fatal(err)
		}
	}
	said, bad := found(t, place)
	if !bad || !strings.Contains(said, "is none of the file's") {
		t.Errorf("found %v: %s", bad, said)
	}
}
