package heap

import "slices"

// alarms is a heap of four children a node. It lies in pages, so that growing it is no pause.
type alarms struct {
	pages [][]alarm
	n     int
}

const (
	alarmBytes = 16
	alarmShift = 12
	alarmPage  = 1 << alarmShift
)

func (h *alarms) at(i int) *alarm { return &h.pages[i>>alarmShift][i&(alarmPage-1)] }

// push adds an alarm.
func (h *alarms) push(a alarm, s *Space) {
	at := h.n >> alarmShift
	if at == len(h.pages) {
		h.pages = append(h.pages, nil)
	}
	page := h.pages[at]
	if before := cap(page); len(page) == before {
		room := alarmPage
		if at == 0 {
			room = min(max(2*before, 8), alarmPage)
		}
		s.take(int64(room-before) * alarmBytes)
		page = append(make([]alarm, 0, room), page...)
	}
	h.pages[at] = append(page, a)
	h.n++
	h.up(h.n - 1)
}

// take takes the last alarm off, whichever it is.
func (h *alarms) take(s *Space) alarm {
	h.n--
	a := *h.at(h.n)
	at := h.n >> alarmShift
	h.pages[at] = h.pages[at][:h.n&(alarmPage-1)]
	if spare := at + 1; spare < len(h.pages) && len(h.pages[at]) == 0 { // the one that has just become empty is kept
		s.give(int64(cap(h.pages[spare])) * alarmBytes)
		h.pages = slices.Delete(h.pages, spare, spare+1)
	}
	return a
}

// pop takes the first alarm off.
func (h *alarms) pop(s *Space) {
	last := h.take(s)
	if h.n > 0 {
		*h.at(0) = last
		h.down(0)
	}
}

func (h *alarms) up(i int) {
	a := *h.at(i)
	for i > 0 {
		parent := (i - 1) / 4
		if !a.before(*h.at(parent)) {
			break
		}
		*h.at(i) = *h.at(parent)
		i = parent
	}
	*h.at(i) = a
}

func (h *alarms) down(i int) {
	a := *h.at(i)
	for {
		least := 4*i + 1
		if least >= h.n {
			break
		}
		for c := least + 1; c < min(4*i+5, h.n); c++ {
			if h.at(c).before(*h.at(least)) {
				least = c
			}
		}
		if !h.at(least).before(a) {
			break
		}
		*h.at(i) = *h.at(least)
		i = least
	}
	*h.at(i) = a
}

// times has a time a row, in pages as well.
type times struct{ pages [][]int64 }

const (
	timeShift = 10
	timePage  = 1 << timeShift
)

func (t *times) at(row uint32) *int64 { return &t.pages[row>>timeShift][row&(timePage-1)] }

// extend returns the time of a row, which becomes noAlarm if there was none.
func (t *times) extend(row uint32, s *Space) *int64 {
	hi, lo := int(row>>timeShift), int(row&(timePage-1))
	if hi < len(t.pages) && lo < len(t.pages[hi]) {
		return &t.pages[hi][lo]
	}
	for len(t.pages) <= hi {
		t.pages = append(t.pages, nil)
	}
	old := t.pages[hi]
	room := timePage
	if hi == 0 {
		for room = 8; room <= lo; room *= 2 {
		}
	}
	s.take(int64(room-len(old)) * 8)
	page := make([]int64, room)
	for i := copy(page, old); i < room; i++ {
		page[i] = noAlarm
	}
	t.pages[hi] = page
	return &page[lo]
}
