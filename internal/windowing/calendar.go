package windowing

import (
	"time"

	"leat.dev/leat/window"
)

// calendar cuts time into windows of calendar days. It remembers the window that it has found last.
type calendar struct {
	days     int
	zone     *time.Location
	offset   time.Duration // after midnight, by the zone's clock
	from, to int64
}

func newCalendar(spec window.Spec) *calendar {
	return &calendar{days: spec.Days, zone: spec.Zone, offset: spec.Offset}
}

// longest is more than a window can have: a zone may go back over the date line once.
func (c *calendar) longest() int64 { return int64(time.Duration(c.days+2) * 24 * time.Hour) }

// window is the one that a time is in.
func (c *calendar) window(at int64) (start, end int64) {
	if at < c.from || at >= c.to {
		n := c.number(at)
		for c.start(n) > at {
			n--
		}
		for c.start(n+1) <= at { // days that a zone has left out have windows without time
			n++
		}
		c.from, c.to = c.start(n), c.start(n+1)
	}
	return c.from, c.to
}

const secondsPerDay = 24 * 60 * 60

// number is that of the window which a time is in, but for the offset, counted from 1970-01-01 on.
func (c *calendar) number(at int64) int64 {
	year, month, day := time.Unix(0, at).In(c.zone).Date()
	days := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay
	return (days - modulo(days, int64(c.days))) / int64(c.days)
}

// start is when a window starts.
func (c *calendar) start(n int64) int64 {
	return time.Date(1970, time.January, 1+int(n)*c.days, 0, 0, 0, int(c.offset), c.zone).UnixNano()
}
