package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leat.dev/leat/internal/store"
	"leat.dev/leat/internal/store/storetest"
)

// real is an S3 server that runs as a process: versitygw, over a folder.
type real struct {
	t          *testing.T
	bin, root  string
	host       string
	process    *exec.Cmd
	place      string
	killsCount int
}

// startReal starts the server whose binary LEAT_VERSITYGW names.
func startReal(t *testing.T) *real {
	bin := os.Getenv("LEAT_VERSITYGW")
	if bin == "" {
		t.Skip("LEAT_VERSITYGW names no server: make s3 installs one")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "testtest")
	t.Setenv("AWS_REGION", "us-east-1")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &real{t: t, bin: bin, root: t.TempDir(), host: free.Addr().String()}
	if err := errors.Join(free.Close(), os.Mkdir(filepath.Join(r.root, "bucket"), 0o700)); err != nil {
		t.Fatal(err)
	}
	r.place = "s3://bucket/some/place?part=5MiB&endpoint=http://" + r.host
	r.start()
	t.Cleanup(r.kill)
	return r
}

func (r *real) start() {
	r.t.Helper()
	r.process = exec.Command(r.bin, "--port", r.host, "--quiet", "posix", r.root)
	r.process.Env = append(os.Environ(), "ROOT_ACCESS_KEY=test", "ROOT_SECRET_KEY=testtest")
	if err := r.process.Start(); err != nil {
		r.t.Fatal(err)
	}
}

// kill kills it with SIGKILL.
func (r *real) kill() {
	_ = r.process.Process.Kill() // it may have ended
	_ = r.process.Wait()
}

func TestStoreOnServer(t *testing.T) {
	r := startReal(t)
	storetest.Test(t, func(t *testing.T) store.Store { return fresh(t, r.place) })
}

// rivals have two stores write the same pieces, of many sizes, one after another: each has one winner, which was told so, and is
// what the winner wrote. Meanwhile disturb is called after each few writes.
func rivals(t *testing.T, places [2]string, pieces int, disturb func(n int)) {
	var stores [2]store.Store
	for i, place := range places {
		var err error
		if stores[i], err = store.Locate(place); err != nil {
			t.Fatal(err)
		}
	}
	content := func(i, n int) []byte { return noise(uint64(2*n+i), []int{0, 10, 3000, 6 << 20, 700_000}[n%5]+i) }
	won := make([][2]bool, pieces)
	var done atomic.Int64
	steps := make(chan int, 2*pieces)
	var writers sync.WaitGroup
	for i, s := range stores {
		writers.Go(func() {
			for n := range pieces {
				err := write(t.Context(), s, fmt.Sprintf("job/%04d", n), content(i, n), n%2 == 0)
				won[n][i] = err == nil
				if err != nil && !errors.Is(err, store.ErrExists) {
					t.Errorf("piece %d, rival %d: %v", n, i, err)
				}
				steps <- int(done.Add(1))
			}
		})
	}
	for range 2 * pieces {
		disturb(<-steps)
	}
	writers.Wait()
	for n, rivals := range won {
		if rivals[0] == rivals[1] {
			t.Errorf("piece %d: rivals were told %v", n, rivals)
			continue
		}
		winner := slices.Index(rivals[:], true)
		if got, err := all(t.Context(), stores[1-winner], fmt.Sprintf("job/%04d", n)); err != nil || !bytes.Equal(got, content(winner, n)) {
			t.Errorf("piece %d: it is not what the winner, %d, wrote: %d bytes, %v", n, winner, len(got), err)
		}
	}
	if names, err := stores[0].List(t.Context(), "job/"); err != nil || len(names) != pieces {
		t.Errorf("%d names are listed, %v", len(names), err)
	}
}

func write(ctx context.Context, s store.Store, name string, data []byte, put bool) error {
	if put {
		return s.Put(ctx, name, data)
	}
	w, err := s.Create(ctx, name)
	if err != nil {
		return err
	}
	_, _ = w.Write(data) // Close returns its error
	return w.Close()
}

func all(ctx context.Context, s store.Store, name string) ([]byte, error) {
	p, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.NewSectionReader(p, 0, p.Size()))
	return b, errors.Join(err, p.Close())
}

// The server is killed and started again while two write the same names.
func TestServerThatIsKilled(t *testing.T) {
	r := startReal(t)
	rivals(t, [2]string{r.place, r.place + "&retry=61s"}, 60, func(n int) {
		if n%20 == 7 {
			r.kill()
			r.start()
			r.killsCount++
		}
	})
	if r.killsCount < 5 {
		t.Errorf("the server was killed %d times", r.killsCount)
	}
}

// One of the two has a connection that is slow and breaks.
func TestServerBehindABadConnection(t *testing.T) {
	r := startReal(t)
	bad := startProxy(t, r.host)
	other := "s3://bucket/some/place?part=5MiB&endpoint=http://" + bad.address
	rivals(t, [2]string{r.place, other}, 40, func(int) {})
	if bad.cuts.Load() < 10 {
		t.Errorf("%d connections were cut", bad.cuts.Load())
	}
}

// proxy passes bytes on, some slowly, and cuts each connection somewhere.
type proxy struct {
	address, to string
	cuts        atomic.Int64
}

func startProxy(t *testing.T, to string) *proxy {
	listening, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{address: listening.Addr().String(), to: to}
	var serving sync.WaitGroup
	serving.Go(func() {
		for r := rand.New(rand.NewPCG(3, 3)); ; {
			client, err := listening.Accept()
			if err != nil {
				return
			}
			up, down, slow := r.Int64N(16<<20), r.Int64N(1<<20), r.IntN(3) == 0
			serving.Go(func() { p.serve(client, up, down, slow) })
		}
	})
	t.Cleanup(func() {
		_ = listening.Close() // whoever serves sees it
		serving.Wait()
	})
	return p
}

// serve passes on as many bytes as were chosen, each way, and cuts both then.
func (p *proxy) serve(client net.Conn, up, down int64, slow bool) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	ended := make(chan error, 2)
	pass := func(to io.Writer, from io.Reader, most int64) {
		if slow {
			from = slowly{from, time.NewTicker(time.Millisecond)}
		}
		_, err := io.CopyN(to, from, most)
		ended <- err
	}
	go pass(server, client, up)
	go pass(client, server, down)
	if <-ended == nil {
		p.cuts.Add(1)
	}
}

// slowly reads 16 KiB a millisecond at most.
type slowly struct {
	io.Reader
	ticks *time.Ticker
}

func (s slowly) Read(b []byte) (int, error) {
	<-s.ticks.C
	return s.Reader.Read(b[:min(len(b), 16<<10)])
}
