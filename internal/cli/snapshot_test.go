package cli

import (
	"strings"
	"testing"
)

func TestAsk(t *testing.T) {
	for answer, yes := range map[string]bool{"y\n": true, "YES\n": true, "n\n": false, "\n": false, "": false, "yeah\n": false} {
		var said strings.Builder
		if err := ask(strings.NewReader(answer), &said, "delete it? "); (err == nil) != yes || said.String() != "delete it? " {
			t.Errorf("%q: %v, %q", answer, err, said.String())
		}
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.00 kB", 12_345: "12.3 kB", 999_499: "999 kB", 999_500: "1.00 MB", 5e9: "5.00 GB", 7e15: "7000 TB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}
