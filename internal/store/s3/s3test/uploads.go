package s3test

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (s *Server) begin(w io.Writer, r *http.Request, key string) {
	s.serial++
	id := fmt.Sprintf("upload-%d", s.serial)
	s.uploads[id] = &upload{key, r.Header.Clone(), s.Now(), map[int]*object{}}
	reply(w, "<InitiateMultipartUploadResult><UploadId>"+id+"</UploadId></InitiateMultipartUploadResult>")
}

// ofUpload does what is asked of an upload that was begun.
func (s *Server) ofUpload(w http.ResponseWriter, r *http.Request, q url.Values, data []byte) {
	id := q.Get("uploadId")
	u := s.uploads[id]
	if u == nil && s.Agreeable && Kind(r) == "COMPLETE" {
		reply(w, completed)
		return
	}
	if u == nil {
		refuse(w, http.StatusNotFound, "NoSuchUpload")
		return
	}
	switch Kind(r) {
	case "PART":
		number, err := strconv.Atoi(q.Get("partNumber"))
		if err != nil {
			refuse(w, http.StatusBadRequest, "InvalidArgument")
			return
		}
		u.parts[number] = s.object(data, nil)
		w.Header().Set("ETag", u.parts[number].etag)
	case "PARTS":
		var parts strings.Builder
		for _, n := range slices.Sorted(maps.Keys(u.parts)) {
			fmt.Fprintf(&parts, "<Part><PartNumber>%d</PartNumber><Size>%d</Size><LastModified>%s</LastModified></Part>",
				n, len(u.parts[n].data), u.parts[n].modified.UTC().Format(time.RFC3339))
		}
		reply(w, "<ListPartsResult>"+parts.String()+"</ListPartsResult>")
	case "ABORT":
		delete(s.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	case "COMPLETE":
		s.complete(w, r, id, data)
	}
}

const completed = "<CompleteMultipartUploadResult><Bucket>bucket</Bucket><ETag>x</ETag></CompleteMultipartUploadResult>"

func (s *Server) complete(w http.ResponseWriter, r *http.Request, id string, data []byte) {
	u := s.uploads[id]
	var asked struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := xml.Unmarshal(data, &asked); err != nil || len(asked.Part) == 0 {
		refuse(w, http.StatusBadRequest, "MalformedXML")
		return
	}
	if s.taken(w, r, u.key, s.Unconditional || s.Late) {
		return
	}
	var whole []byte
	for _, p := range asked.Part {
		part := u.parts[p.PartNumber]
		if part == nil || strings.Trim(part.etag, `"`) != strings.Trim(p.ETag, `"`) {
			refuse(w, http.StatusBadRequest, "InvalidPart")
			return
		}
		whole = append(whole, part.data...)
	}
	delete(s.uploads, id)
	s.objects[u.key] = s.object(whole, u.meta)
	reply(w, completed)
}

func (s *Server) listUploads(w io.Writer, q url.Values) {
	var all strings.Builder
	for _, id := range slices.Sorted(maps.Keys(s.uploads)) {
		if u := s.uploads[id]; strings.HasPrefix(u.key, q.Get("prefix")) {
			fmt.Fprintf(&all, "<Upload><Key>%s</Key><UploadId>%s</UploadId><Initiated>%s</Initiated></Upload>",
				url.QueryEscape(u.key), id, u.begun.UTC().Format(time.RFC3339))
		}
	}
	reply(w, "<ListMultipartUploadsResult><EncodingType>url</EncodingType>"+all.String()+"</ListMultipartUploadsResult>")
}
