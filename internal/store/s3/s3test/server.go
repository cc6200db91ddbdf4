// Package s3test is an S3 server for tests, in memory: as much of the protocol as a store speaks, and faults on request. It believes
// every signature.
package s3test

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Server has the objects of one bucket. It is an http.Handler. Its fields are set before it is used, or by Set.
type Server struct {
	// Bucket is its name.
	Bucket string
	// Fault is asked what is to go wrong with a request; nil: nothing. It is called from many goroutines.
	Fault func(*http.Request) Fault
	// PageSize is how much a page of a list has at most.
	PageSize int
	// Unconditional has the server ignore the conditions of writes, Late those of completions only.
	Unconditional, Late bool
	// Agreeable has it say of an upload that is gone that it is complete, as some servers do.
	Agreeable bool
	// Now is the time of what is written.
	Now func() time.Time

	mu      sync.Mutex // guards all below
	objects map[string]*object
	uploads map[string]*upload
	serial  int
	asked   []string
}

// Fault is what goes wrong with a request.
type Fault struct {
	Status int    // it is answered with this, and not done
	Code   string // of the answer
	// Cut ends the connection: before the request is done, or, with Done, after.
	Cut, Done bool
	// Short has so many bytes of the body come, if not 0, and then nothing more.
	Short int
	// Wait holds the answer up until it is closed.
	Wait <-chan struct{}
}

type object struct {
	data     []byte
	etag     string
	meta     http.Header
	modified time.Time
}

type upload struct {
	key   string
	meta  http.Header
	begun time.Time
	parts map[int]*object
}

// New makes a server with an empty bucket.
func New(bucket string) *Server {
	return &Server{Bucket: bucket, PageSize: 1000, Now: time.Now, objects: map[string]*object{}, uploads: map[string]*upload{}}
}

// Set changes fields.
func (s *Server) Set(change func(s *Server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// Fail has something go wrong with requests from now on; see Fault.
func (s *Server) Fail(fault func(*http.Request) Fault) { s.Set(func(s *Server) { s.Fault = fault }) }

// Asked is what has been asked for since the last look: methods, with what kind of request it is.
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

// Keys are the names of all objects.
func (s *Server) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// Uploads is how many uploads were begun, and neither completed nor aborted.
func (s *Server) Uploads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uploads)
}

// DropUploads removes all uploads.
func (s *Server) DropUploads() { s.Set(func(s *Server) { clear(s.uploads) }) }

// Replace has an object be another.
func (s *Server) Replace(key string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = s.object(data, http.Header{})
}

// Kind is a request in a word: PUT, GET, HEAD, DELETE, LIST, or of an upload BEGIN, PART, COMPLETE, ABORT, PARTS, UPLOADS.
func Kind(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case q.Has("uploads") && r.Method == http.MethodPost:
		return "BEGIN"
	case q.Has("uploads"):
		return "UPLOADS"
	case q.Has("uploadId"):
		return map[string]string{http.MethodPut: "PART", http.MethodPost: "COMPLETE", http.MethodDelete: "ABORT", http.MethodGet: "PARTS"}[r.Method]
	case q.Has("list-type"):
		return "LIST"
	case q.Has("location"):
		return "LOCATION"
	}
	return r.Method
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, Kind(r))
	fault := s.Fault
	s.mu.Unlock()
	var f Fault
	if fault != nil {
		f = fault(r)
	}
	if f.Wait != nil {
		select {
		case <-f.Wait:
		case <-r.Context().Done():
		}
	}
	if f.Cut && f.Done {
		s.answer(&discarded{header: http.Header{}}, r)
	}
	switch {
	case f.Cut:
		panic(http.ErrAbortHandler)
	case f.Status > 0:
		_, _ = io.Copy(io.Discard, r.Body)
		refuse(w, f.Status, f.Code)
	case f.Short > 0:
		s.answer(&short{w, f.Short}, r)
	default:
		s.answer(w, r)
	}
}

// discarded is an answer that nobody gets.
type discarded struct{ header http.Header }

func (d *discarded) Header() http.Header         { return d.header }
func (d *discarded) WriteHeader(int)             {}
func (d *discarded) Write(b []byte) (int, error) { return len(b), nil }

// short is an answer that breaks off.
type short struct {
	http.ResponseWriter
	left int
}

func (s *short) Write(b []byte) (int, error) {
	if len(b) < s.left {
		s.left -= len(b)
		return s.ResponseWriter.Write(b)
	}
	_, _ = s.ResponseWriter.Write(b[:s.left])
	_ = http.NewResponseController(s.ResponseWriter).Flush() // who breaks off answers nobody
	panic(http.ErrAbortHandler)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s (of the test)</Message></Error>", code, code)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if bucket != s.Bucket {
		refuse(w, http.StatusNotFound, "NoSuchBucket")
		return
	}
	data, err := content(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "IncompleteBody")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch q := r.URL.Query(); Kind(r) {
	case http.MethodPut:
		s.put(w, r, key, data)
	case http.MethodGet, http.MethodHead:
		s.get(w, r, key)
	case http.MethodDelete:
		delete(s.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case "LIST":
		s.list(w, q)
	case "LOCATION":
		reply(w, "<LocationConstraint></LocationConstraint>")
	case "BEGIN":
		s.begin(w, r, key)
	case "UPLOADS":
		s.listUploads(w, q)
	default:
		s.ofUpload(w, r, q, data)
	}
}

// content is what was sent, without the signatures of its chunks.
func content(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return io.ReadAll(r.Body)
	}
	var all []byte
	for from := bufio.NewReader(r.Body); ; {
		head, err := from.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(head), ";")
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil {
			return nil, err
		}
		chunk := make([]byte, n+2)
		if _, err := io.ReadFull(from, chunk); err != nil {
			return nil, err
		}
		if n == 0 {
			return all, nil
		}
		all = append(all, chunk[:n]...)
	}
}

func reply(w io.Writer, text string) { _, _ = io.WriteString(w, xml.Header+text) }

func (s *Server) object(data []byte, header http.Header) *object {
	s.serial++
	sum := md5.Sum(append(strconv.AppendInt(nil, int64(s.serial), 10), data...))
	meta := http.Header{}
	for name, values := range header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			meta[name] = values
		}
	}
	return &object{data, `"` + hex.EncodeToString(sum[:]) + `"`, meta, s.Now()}
}

// taken answers whether a condition keeps a name from being written.
func (s *Server) taken(w http.ResponseWriter, r *http.Request, key string, ignored bool) bool {
	if r.Header.Get("If-None-Match") != "*" || s.objects[key] == nil || ignored {
		return false
	}
	refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
	return true
}

func (s *Server) put(w http.ResponseWriter, r *http.Request, key string, data []byte) {
	if s.taken(w, r, key, s.Unconditional) {
		return
	}
	s.objects[key] = s.object(data, r.Header)
	w.Header().Set("ETag", s.objects[key].etag)
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, key string) {
	o := s.objects[key]
	if o == nil {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	maps.Copy(w.Header(), o.meta)
	w.Header().Set("ETag", o.etag)
	w.Header().Set("Content-Type", "application/octet-stream")
	if len(o.data) == 0 && r.Header.Get("Range") != "" {
		refuse(w, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
		return
	}
	http.ServeContent(w, r, "", o.modified, bytes.NewReader(o.data))
}

func (s *Server) list(w io.Writer, q url.Values) {
	token, _ := hex.DecodeString(q.Get("continuation-token")) // it is this server's own
	after := max(q.Get("start-after"), string(token))
	var page strings.Builder
	count, last, more := 0, "", false
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if !strings.HasPrefix(key, q.Get("prefix")) || key <= after {
			continue
		}
		if count == s.PageSize {
			more = true
			break
		}
		o := s.objects[key]
		fmt.Fprintf(&page, "<Contents><Key>%s</Key><LastModified>%s</LastModified><Size>%d</Size><ETag>x</ETag></Contents>",
			url.QueryEscape(key), o.modified.UTC().Format(time.RFC3339), len(o.data))
		count, last = count+1, key
	}
	next := ""
	if more {
		next = "<NextContinuationToken>" + hex.EncodeToString([]byte(last)) + "</NextContinuationToken>"
	}
	reply(w, fmt.Sprintf("<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>%t</IsTruncated>%s%s</ListBucketResult>",
		more, next, page.String()))
}
