package sim

import (
	"context"
	"errors"
	"fmt"
)

// errFault is what an operation fails with by chance.
var errFault = errors.New("it was made to fail")

// budget is how many faults of each kind may still come. When all are used up, the run goes to its end.
type budget struct {
	crashes int // the process dies
	zombies int // the process is taken for dead
	stops   int // the user stops the job
	fails   int // an operation is not done, and says so
	lies    int // an operation is done, and says that it failed
	slow    int // an operation takes long
	user    int // code of the user's fails
}

// fault is what becomes of an operation.
type fault int

const (
	none       fault = iota
	fails            // nothing is done, and it says so
	lies             // it is done, and says that it failed
	slow             // it takes long
	diesBefore       // the process dies, and nothing was done
	diesWithin       // the process dies in the middle of it, where there is one
	diesAfter        // the process dies, and it was done
)

func (f fault) String() string {
	return [...]string{"", "fails", "lies", "is slow", "dies before", "dies within", "dies after"}[f]
}

// chance is how likely an operation is to go wrong, in 1,000.
func (w *World) draw(about int) fault {
	if w.random.IntN(1000) >= about {
		return none
	}
	b := &w.budget
	f := fault(1 + w.random.IntN(int(diesAfter)))
	left := map[fault]*int{
		fails: &b.fails, lies: &b.lies, slow: &b.slow,
		diesBefore: &b.crashes, diesWithin: &b.crashes, diesAfter: &b.crashes,
	}[f]
	if *left == 0 {
		return none
	}
	*left--
	return f
}

// operation does something outside of a process: in the store, or in a sink. Others have their turns before and after it.
func (p *Process) operation(ctx context.Context, about int, what string, do func() error) error {
	w := p.world
	if w.turns.isDead(p) {
		return errDead
	}
	f := w.draw(about)
	if f != none {
		w.trace.add("  %s: %s %v", p, what, f)
	}
	from := int64(0)
	if f == slow {
		from = w.turns.Now() + w.random.Int64N(2*int64(w.settings.timeout))
	}
	if !w.turns.wait(ctx, p, what, from) {
		return errDead
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var err error
	switch f {
	case fails:
		err = fmt.Errorf("%s: %w", what, errFault)
	case diesBefore:
	case diesWithin:
		err = w.halfway(do)
	case lies:
		_ = do()
		err = fmt.Errorf("%s: done, and %w", what, errFault)
	default:
		err = do()
	}
	if f == diesBefore || f == diesWithin || f == diesAfter {
		w.doomed = p
	}
	if !w.turns.wait(context.Background(), p, what+" is done", 0) {
		return errDead
	}
	return err
}

// Fault is called by code of the user's, which fails with the error.
func (p *Process) Fault() error {
	w := p.world
	if w.turns.isDead(p) {
		return errDead
	}
	if w.budget.user == 0 || w.random.IntN(200) != 0 {
		return nil
	}
	w.budget.user--
	w.trace.add("  %s: code of the user's fails", p)
	return fmt.Errorf("code of the user's: %w", errFault)
}
