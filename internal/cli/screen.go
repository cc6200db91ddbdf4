package cli

import (
	"io"
	"sync"
)

// eraseLine goes to the beginning of a terminal's line and erases it.
const eraseLine = "\r\x1b[K"

// screen is standard error with, on a terminal, a status as its last line: what is written in between comes above it.
type screen struct {
	mu     sync.Mutex // guards all below, and keeps lines whole
	to     io.Writer
	status string
	inLine bool // what was written last did not end its line: the status waits for that
}

func newScreen(to io.Writer) *screen { return &screen{to: to} }

// Write writes above the status.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := string(p)
	if s.status != "" && !s.inLine {
		text = eraseLine + text
	}
	s.inLine = len(p) > 0 && p[len(p)-1] != '\n'
	if s.status != "" && !s.inLine {
		text += s.status
	}
	if _, err := io.WriteString(s.to, text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// show replaces the status; "" is none.
func (s *screen) show(status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.status
	s.status = status
	if s.inLine || (before == "" && status == "") {
		return
	}
	io.WriteString(s.to, eraseLine+status) // a status that can't be shown is not missed
}
