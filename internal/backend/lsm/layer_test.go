package lsm

import (
	"fmt"
	"strings"
	"testing"
)

// TestLayer has keys that share a hash, and values of all lengths.
func TestLayer(t *testing.T) {
	l := newLayer()
	want := map[string]string{}
	for n := range 1000 {
		key, value := fmt.Sprint("key ", n%300), strings.Repeat("v", n*n%70_001)
		want[key] = value
		l.add(uint64(n%300)%7, 3, []byte(key), []byte(value), false)
	}
	for key, value := range want {
		var n uint64
		if _, err := fmt.Sscanf(key, "key %d", &n); err != nil {
			t.Fatal(err)
		}
		if w := l.find(n%7, []byte(key)); w == nil || string(w.Value) != value || string(w.Key) != "\x00\x03"+key {
			t.Fatalf("%s is not as it was written", key)
		}
	}
	if l.find(3, []byte("another")) != nil || newLayer().find(3, []byte("key 3")) != nil {
		t.Error("there is what was not written")
	}
	l.reset()
	if l.find(3, []byte("key 3")) != nil || l.memory.bytes != chunkBytes {
		t.Errorf("something is left of %d bytes", l.memory.bytes)
	}
}
