package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leat.dev/leat/internal/store"
)

func TestLocate(t *testing.T) {
	here, err := os.Getwd()
	must(t, err)
	for place, want := range map[string]string{
		"/var/lib/leat":                 "store /var/lib/leat",
		"snapshots":                     "store " + filepath.Join(here, "snapshots"),
		"./s3:bucket":                   "store " + filepath.Join(here, "s3:bucket"),
		"../x/":                         "store " + filepath.Join(filepath.Dir(here), "x"),
		"file:///var/lib/my%20leat":     "store /var/lib/my leat",
		"FILE:/var/lib/leat":            "store /var/lib/leat",
		"file://localhost/var/lib/leat": "store /var/lib/leat",
		"~backup":                       "store " + filepath.Join(here, "~backup"),
	} {
		s, err := store.Locate(place)
		if err != nil || fmt.Sprint(s) != want {
			t.Errorf("%s: got %v, %v, want %s", place, s, err, want)
		}
	}
}

func TestLocateMemory(t *testing.T) {
	locate := func(place string) store.Store {
		s, err := store.Locate(place)
		must(t, err)
		return s
	}
	must(t, locate("mem:shared").Put(t.Context(), "job/a", nil))
	if _, err := locate("mem:shared").Open(t.Context(), "job/a"); err != nil {
		t.Errorf("the same name is another store: %v", err)
	}
	if locate("mem:") != locate("mem:") || locate("mem:") == locate("mem:shared") {
		t.Error("stores are mixed up")
	}
}

func TestLocateRefuses(t *testing.T) {
	for place, want := range map[string]string{
		"":                         "has no place",
		"s3://bucket/leat":         "no kind of store called s3: a place is a folder's path",
		"hdfs:/x":                  "no kind of store called hdfs",
		"~/snapshots":              "~ is the shell's",
		"~":                        "~ is the shell's",
		"file://snapshots/leat":    "three slashes",
		"file:snapshots":           "three slashes",
		"file:///a?b":              "three slashes",
		"file:///%zz":              "invalid URL escape",
		"https://example.com/leat": "no kind of store called https",
	} {
		if _, err := store.Locate(place); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", place, err, want)
		}
	}
}
