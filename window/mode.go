package window

import "fmt"

// Mode says how the panes of one window relate to one another.
type Mode uint8

// The modes.
const (
	// Accumulating panes have everything so far: a later one stands for the earlier ones. It is the default.
	Accumulating Mode = iota
	// Discarding panes have what came since the last one: together they are the window.
	Discarding
	// Retracting panes have everything so far, and each is preceded by the last one once more, marked as taken back: whoever
	// adds panes up subtracts those. The window keeps what it last emitted.
	Retracting
)

// String is "accumulating", "discarding" or "retracting".
func (m Mode) String() string {
	switch m {
	case Accumulating:
		return "accumulating"
	case Discarding:
		return "discarding"
	case Retracting:
		return "retracting"
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// Validate returns what is wrong with the mode, or nil. It is called when the job is planned.
func (m Mode) Validate() error {
	if m > Retracting {
		return fmt.Errorf("the mode %v: give Mode window.Accumulating, window.Discarding or window.Retracting", m)
	}
	return nil
}
