package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/eventtime"
	"leat.dev/leat/internal/exchange"
	"leat.dev/leat/internal/flow"
)

// FireLimit is how many timers or panes fire at most before the loop looks for a barrier; fewer where they are slow.
const FireLimit = 512

// LingerNanos is how long records may wait in batches that are not full while the subtask is busy.
const LingerNanos = 1e6

// Coordinator is what a subtask reports to. Its methods may be called from any goroutine.
type Coordinator interface {
	// Request says what the state's part in a checkpoint is to be.
	Request(checkpoint int64) backend.Request
	// Frozen hands over a subtask's part of a checkpoint, to be persisted and released.
	Frozen(c *Capture)
	// Completed says that a subtask has committed everything up to a checkpoint.
	Completed(task, subtask int, checkpoint int64)
	// Ended says that a subtask has sent its last record and answers triggers only.
	Ended(task, subtask int)
	// Failed says that a subtask has failed; the attempt ends.
	Failed(err error)
}

// Capture is a subtask's part of a checkpoint, as it was at the barrier.
type Capture struct {
	Checkpoint    int64
	Task, Subtask int
	GroupFrom     int // key groups of keyed operators, half open
	GroupTo       int
	Operators     []OperatorCapture
}

// OperatorCapture is an operator's part.
type OperatorCapture struct {
	Operator string
	Keyed    []backend.Snapshot
	Entries  []backend.Entry
	// Committables are what a sink has prepared and not committed.
	Committables []backend.Committable
	Floors       []backend.Floor
}

// Subtask is one parallel instance of a task.
type Subtask struct {
	Task, Index int
	Chain       *Chain
	Inbox       *exchange.Inbox
	Waker       *exchange.Waker
	Clock       clock.Clock
	Coordinator Coordinator
	// Groups are the key groups of keyed operators in the chain, half open.
	GroupFrom, GroupTo int
	// FireLimit is how many timers or panes fire at most before the loop looks for a barrier; 0: FireLimit.
	FireLimit int
	// Turn is called when the subtask begins and each time round the loop, with its name; nil: nobody is asked.
	Turn func(who string)

	name    string
	source  Pulling // the head, if it is a source
	firing  Firing  // the head, if it has timers or windows
	ticking []Ticking

	marks     *eventtime.Merge
	align     *alignment
	queue     []exchange.Message // taken from the inbox
	at        int                // the next one
	due       bool               // the head is firing what the watermark made due
	behind    bool               // processing time has made more due than was done in the last turn
	pace      pace
	burst     burst
	idle      bool
	ended     bool  // no input is left
	finished  bool  // all has been sent
	aligning  int64 // when the barrier at hand came first
	lastFlush int64
	alarmAt   int64
	alarmStop func()

	asked    []*Question   // by those who look into the job, in order
	answerAt int64         // not before then, as long as there is other work
	room     chan struct{} // has an element for each question that waits

	mu   sync.Mutex // guards mail
	mail []letter
	last int64   // the newest checkpoint that the subtask has had a part in
	asks []int64 // newer checkpoints that it was asked for by letter, in order
}

type letter struct {
	trigger  int64 // a checkpoint's number, or 0
	complete int64 // likewise
	stop     bool
	drain    bool
	ask      *Question
}

// Prepare readies the subtask: channels are how many lead to it, floor is the restored watermark.
func (t *Subtask) Prepare(channels int, floor int64) {
	if t.FireLimit == 0 {
		t.FireLimit = FireLimit
	}
	t.name = fmt.Sprintf("subtask %d/%d", t.Task, t.Index)
	t.room = make(chan struct{}, QuestionsWaiting)
	t.marks, t.align = eventtime.NewMerge(channels, floor), newAlignment(channels)
	head := t.Chain.Links[0].Operator
	t.source, _ = head.(Pulling)
	t.firing, _ = head.(Firing)
	t.due = t.due && t.firing != nil
	t.pace, t.burst = newPace(t.Chain.Senders), newBurst(t.FireLimit)
	t.admit()
	t.Inbox.AskDry(t.Chain.asksDry)
	for _, l := range t.Chain.Links {
		if k, ok := l.Operator.(Ticking); ok {
			t.ticking = append(t.ticking, k)
		}
	}
}

// Trigger asks a source, or a subtask whose input has ended, for its part in a checkpoint. Others wait for barriers.
func (t *Subtask) Trigger(checkpoint int64) { t.post(letter{trigger: checkpoint}) }

// Complete says that a checkpoint is durable: sinks commit everything up to it.
func (t *Subtask) Complete(checkpoint int64) { t.post(letter{complete: checkpoint}) }

// Stop ends a source's reading; with drain, event time moves to its end. Others ignore it.
func (t *Subtask) Stop(drain bool) { t.post(letter{stop: true, drain: drain}) }

func (t *Subtask) post(l letter) {
	t.mu.Lock()
	t.mail = append(t.mail, l)
	t.mu.Unlock()
	t.Waker.Wake()
}

func (t *Subtask) hasMail() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.mail) > 0
}

// Run runs the subtask until the attempt ends, and reports a failure to the coordinator.
func (t *Subtask) Run(ctx context.Context) {
	t.turn()
	err := t.open(ctx)
	if err == nil {
		err = t.loop(ctx)
	}
	if t.alarmStop != nil {
		t.alarmStop()
	}
	if cerr := t.Chain.close(); err == nil || errors.Is(err, errStopped) {
		err = cerr
	}
	if err != nil {
		t.Coordinator.Failed(err)
	}
}

func (t *Subtask) turn() {
	if t.Turn != nil {
		t.Turn(t.name)
	}
}

// errStopped is the end of a subtask whose attempt has ended elsewhere.
var errStopped = errors.New("the attempt has ended")

func (t *Subtask) open(ctx context.Context) (err error) {
	defer t.caught(ctx, &err)
	if err := t.Chain.open(ctx); err != nil || t.source == nil {
		return err
	}
	return t.source.Start(t.Waker.Wake)
}

// loop is the life of a subtask.
func (t *Subtask) loop(ctx context.Context) (err error) {
	defer t.caught(ctx, &err)
	t.resume()
	t.pace.skip(t.Clock.Now())
	for t.turn(); ctx.Err() == nil; t.turn() {
		t.readMail()
		now := t.Clock.Now()
		t.linger(now)
		t.spend(now)
		t.between()
		if t.answering(now) {
			t.answer()
		}
		switch {
		case t.finished:
			t.sleep(ctx, t.hasMail)
		case !t.Chain.hasCredit():
			t.sleep(ctx, func() bool { return t.Chain.hasCredit() || t.hasMail() })
		case t.due:
			t.fire()
		case t.tick(now):
		case t.ended:
			t.finish(ctx)
		case t.source != nil:
			t.pull(ctx, now)
		case t.next():
			t.handle()
		default:
			t.rest(ctx)
		}
	}
	return errStopped
}

// caught turns what user code or state has thrown into an error that says where it happened.
func (t *Subtask) caught(ctx context.Context, err *error) {
	r := recover()
	if r == nil {
		return
	}
	if ctx.Err() != nil {
		*err = errStopped
		return
	}
	head := t.Chain.Links[0].Env
	where := fmt.Sprintf("job %s, operator %s, subtask %d", head.Job, head.Operator, t.Index)
	if at := head.Site.At; at != nil {
		operator, what := at.Locate()
		where = fmt.Sprintf("job %s, operator %s, subtask %d: %s", head.Job, operator, t.Index, what)
	}
	*err = fmt.Errorf("%s: %w", where, Thrown(r))
}

// park sleeps until there is something to do, or until processing time has made something due.
func (t *Subtask) park(ctx context.Context, ready func() bool) {
	t.setAlarm()
	t.sleep(ctx, func() bool { return ready() || t.tickDue(t.Clock.Now()) })
}

// sleep sleeps until there is something to do, unless somebody has a question.
func (t *Subtask) sleep(ctx context.Context, ready func() bool) {
	if !t.answer() {
		t.Waker.Park(ctx.Done(), ready)
	}
}

// rest is taken when there is nothing to do: everything gathered is sent on before.
func (t *Subtask) rest(ctx context.Context) {
	t.Chain.flush()
	t.park(ctx, func() bool { return !t.Inbox.Empty() || t.hasMail() })
	t.pace.skip(t.Clock.Now())
}

// spend accounts for the time since the last look, and lets senders send as much as the subtask can work through in time.
// Waiting for credit counts: what is queued takes that long. A source has no senders, and its own account of time.
func (t *Subtask) spend(now int64) {
	if t.source == nil && t.pace.spend(now) {
		t.admit()
	}
}

// admit divides what can be worked through in time among those who send.
func (t *Subtask) admit() {
	if n := t.Inbox.Channels(); n > 0 {
		t.Inbox.Admit(int32(count(t.pace.queue() / float64(n))))
	}
}

// linger sends batches that are not full when they have waited long enough.
func (t *Subtask) linger(now int64) {
	if now-t.lastFlush > LingerNanos {
		t.Chain.flush()
		t.lastFlush = now
	}
}

// next makes sure that there is a message to handle.
func (t *Subtask) next() bool {
	if t.at == len(t.queue) {
		t.queue, t.at = t.Inbox.Take(t.queue), 0
	}
	return t.at < len(t.queue)
}

func (t *Subtask) handle() {
	m := t.queue[t.at]
	t.at++
	if t.align.holds(m) {
		return
	}
	var payload any
	switch m.Kind {
	case exchange.Data:
		t.Chain.Links[0].Ports[m.Channel.Port].Deliver(m.Payload)
		payload = m.Payload
		t.pace.records += m.At
	case exchange.Watermark:
		t.watermark(t.marks.Advance(m.Channel.Index, m.At))
	case exchange.Idle:
		t.watermark(t.marks.SetIdle(m.Channel.Index, m.At == 1))
	case exchange.Barrier:
		t.barrier(m.Channel.Index, m.At)
	case exchange.Dry:
		t.Chain.Links[0].Env.Splits.Dry(m.Channel.Index)
		t.Chain.dry()
	case exchange.End:
		t.endChannel(m.Channel.Index)
	}
	m.Channel.Recycle(m.Records(), payload)
}

// resume tells those behind a restored subtask how far event time has come. Nothing fires for it: a timer that was set
// to a time which had passed waits for the watermark to move, as it does without a restore.
func (t *Subtask) resume() {
	if at := t.marks.Current(); at != flow.NoTime && !t.due && t.source == nil {
		t.Chain.Links[0].Ports[0].Watermark(at)
	}
}

// watermark sends a moved watermark into the chain.
func (t *Subtask) watermark(moved bool) {
	port := t.Chain.Links[0].Ports[0]
	if idle := t.marks.Idle(); idle != t.idle {
		t.idle = idle
		port.Idle(idle)
	}
	switch {
	case !moved:
	case t.firing != nil:
		t.due = true
		t.fire()
	default:
		port.Watermark(t.marks.Current())
	}
}

// fire fires some of what is due.
func (t *Subtask) fire() {
	t.due = !t.bounded(func(limit int) bool { return t.firing.Advance(t.marks.Current(), limit) })
}

// between lets a barrier in that is next in line before the rest of what is due. Records are not let in: they come after
// it.
func (t *Subtask) between() {
	if !t.due && !t.behind {
		return
	}
	for t.next() && t.align.passes(t.queue[t.at]) {
		t.handle()
	}
	if t.ended && len(t.asks) > 0 { // no barrier comes any more
		t.takePart(t.asks[0])
	}
}

func (t *Subtask) barrier(channel int, id int64) {
	if t.align.supersedes(id) {
		t.requeue(t.align.release())
	}
	if t.align.id == 0 {
		t.aligning = t.Clock.Now()
	}
	if t.align.barrier(channel, id) {
		t.aligned(id)
	}
}

// aligned takes part in a checkpoint whose barrier has come on all channels.
func (t *Subtask) aligned(id int64) {
	t.Chain.Links[0].Env.Metrics.Aligned(t.Clock.Now() - t.aligning)
	t.takePart(id)
}

// takePart captures the chain's state and sends the barrier on.
func (t *Subtask) takePart(id int64) {
	begun := t.Clock.Now()
	t.capture(id)
	t.Chain.Links[0].Env.Metrics.Paused(t.Clock.Now() - begun)
	for _, s := range t.Chain.Senders {
		s.Barrier(id)
	}
	t.requeue(t.align.release())
}

// requeue puts messages that had to wait before all others.
func (t *Subtask) requeue(stash []exchange.Message) {
	if len(stash) == 0 {
		return
	}
	t.queue = append(stash, t.queue[t.at:]...)
	t.at = 0
}

// endChannel takes the end of a channel. One that was stopped, not drained, goes on to hold event time back: what it
// would have brought is yet to come, after a restore.
func (t *Subtask) endChannel(i int) {
	if t.align.end(i) {
		t.aligned(t.align.id)
	}
	if t.marks.Finished(i) {
		t.Chain.Links[0].Env.Splits.Finish(i)
	}
	t.ended = t.align.allEnded()
}

// bounded lets an operator make as many callbacks as the loop has time for, and says whether it has done all.
func (t *Subtask) bounded(fire func(limit int) (done bool)) (done bool) {
	limit, begun := t.pace.callbacks(t.burst.size), t.Clock.Now()
	done = fire(limit)
	t.Chain.settle()
	t.burst.took(limit, t.Clock.Now()-begun)
	return done
}

// pull lets a source read: as many records as its chain does in a step.
func (t *Subtask) pull(ctx context.Context, now int64) {
	t.pace.skip(now)
	n, p, err := t.source.Pull(t.pace.step())
	flow.Check(err)
	t.pace.records += int64(n)
	t.pace.spend(t.Clock.Now())
	switch p {
	case Dry:
		t.Chain.flush()
		t.Chain.dry()
		t.park(ctx, func() bool { return t.source.Ready() || t.hasMail() })
	case Finished:
		t.source.Finish(true)
		t.marks = eventtime.NewMerge(0, flow.EndTime)
		t.ended = true
	}
}

// finish sends the last records and says that no more come. The subtask goes on to answer triggers.
func (t *Subtask) finish(ctx context.Context) {
	t.Chain.settle()
	t.flushOut(ctx)
	for _, s := range t.Chain.Senders {
		s.End()
	}
	t.finished = true
	for len(t.asks) > 0 {
		t.capture(t.asks[0])
	}
	t.Coordinator.Ended(t.Task, t.Index)
}

// flushOut makes durable what sinks have written.
func (t *Subtask) flushOut(ctx context.Context) {
	for _, l := range t.Chain.Links {
		if f, ok := l.Operator.(Flusher); ok {
			l.at("flush")
			flow.Check(f.Flush(ctx))
		}
	}
}

// readMail does what the coordinator asks for.
func (t *Subtask) readMail() {
	t.mu.Lock()
	mail := t.mail
	t.mail = nil
	t.mu.Unlock()
	for _, l := range mail {
		switch {
		case l.ask != nil:
			t.asked = append(t.asked, l.ask)
		case l.stop:
			t.stop(l.drain)
		case l.complete > 0:
			t.complete(l.complete)
		case t.finished:
			t.capture(l.trigger)
		case t.source != nil:
			t.takePart(l.trigger)
		case l.trigger > t.last:
			t.asks = append(t.asks, l.trigger)
		}
	}
}

// complete commits everything up to a checkpoint.
func (t *Subtask) complete(id int64) {
	for _, l := range t.Chain.Links {
		if c, ok := l.Operator.(Committing); ok {
			l.at("commit")
			flow.Check(c.Complete(l.Env.Context, id))
		}
	}
	t.Coordinator.Completed(t.Task, t.Index, id)
}

func (t *Subtask) stop(drain bool) {
	if t.source == nil || t.ended {
		return
	}
	t.source.Finish(drain)
	t.ended = true
	at := flow.NoTime
	if drain {
		at = flow.EndTime
	}
	t.marks = eventtime.NewMerge(0, at)
}
