package agg

// Where aggregates the records for which keep is true. A window whose records are all left out has the result of f
// without records.
func Where[T, A, R any](keep func(T) bool, f Func[T, A, R]) Func[T, A, R] {
	return func() Parts[T, A, R] {
		p := f()
		if add := p.Add; add != nil {
			p.Add = func(acc *A, in T) {
				if keep(in) {
					add(acc, in)
				}
			}
		}
		if add := p.AddAt; add != nil {
			p.AddAt = func(acc *A, in T, at int64) {
				if keep(in) {
					add(acc, in, at)
				}
			}
		}
		return p
	}
}

// Combine2 runs two aggregators in one pass.
func Combine2[T, A1, R1, A2, R2, R any](
	f1 Func[T, A1, R1], f2 Func[T, A2, R2], result func(R1, R2) R,
) Func[T, Both[A1, A2], R] {
	return func() Parts[T, Both[A1, A2], R] {
		return withResult(pair(f1(), f2()), func(b two[R1, R2]) R { return result(b.a, b.b) })
	}
}

// Combine3 runs three aggregators in one pass.
func Combine3[T, A1, R1, A2, R2, A3, R3, R any](
	f1 Func[T, A1, R1], f2 Func[T, A2, R2], f3 Func[T, A3, R3], result func(R1, R2, R3) R,
) Func[T, Both[A1, Both[A2, A3]], R] {
	return func() Parts[T, Both[A1, Both[A2, A3]], R] {
		return withResult(pair(f1(), pair(f2(), f3())), func(b two[R1, two[R2, R3]]) R { return result(b.a, b.b.a, b.b.b) })
	}
}

// Combine4 runs four aggregators in one pass.
func Combine4[T, A1, R1, A2, R2, A3, R3, A4, R4, R any](
	f1 Func[T, A1, R1], f2 Func[T, A2, R2], f3 Func[T, A3, R3], f4 Func[T, A4, R4], result func(R1, R2, R3, R4) R,
) Func[T, Both[Both[A1, A2], Both[A3, A4]], R] {
	return func() Parts[T, Both[Both[A1, A2], Both[A3, A4]], R] {
		return withResult(pair(pair(f1(), f2()), pair(f3(), f4())), func(b two[two[R1, R2], two[R3, R4]]) R {
			return result(b.a.a, b.a.b, b.b.a, b.b.b)
		})
	}
}

// two are the results of a pair.
type two[A, B any] struct {
	a A
	b B
}

// pair aggregates by two aggregators at once.
func pair[T, A1, R1, A2, R2 any](p Parts[T, A1, R1], q Parts[T, A2, R2]) Parts[T, Both[A1, A2], two[R1, R2]] {
	if err := firstError(p.Validate(), q.Validate()); err != nil {
		return Parts[T, Both[A1, A2], two[R1, R2]]{problem: err}
	}
	both := Parts[T, Both[A1, A2], two[R1, R2]]{
		Merge:  func(dst *Both[A1, A2], src Both[A1, A2]) { p.Merge(&dst.A, src.A); q.Merge(&dst.B, src.B) },
		Result: func(acc *Both[A1, A2]) two[R1, R2] { return two[R1, R2]{p.Result(&acc.A), q.Result(&acc.B)} },
		Grows:  p.Grows || q.Grows,
	}
	if p.Subtract != nil && q.Subtract != nil {
		both.Subtract = func(dst *Both[A1, A2], src Both[A1, A2]) { p.Subtract(&dst.A, src.A); q.Subtract(&dst.B, src.B) }
	}
	if p.Add != nil && q.Add != nil {
		both.Add = func(acc *Both[A1, A2], in T) { p.Add(&acc.A, in); q.Add(&acc.B, in) }
		return both
	}
	addA, addB := p.timedAdd(), q.timedAdd()
	both.AddAt = func(acc *Both[A1, A2], in T, at int64) { addA(&acc.A, in, at); addB(&acc.B, in, at) }
	return both
}

// timedAdd is AddAt, or Add in its shape.
func (p *Parts[In, Acc, Out]) timedAdd() func(*Acc, In, int64) {
	if p.AddAt != nil {
		return p.AddAt
	}
	add := p.Add
	return func(acc *Acc, in In, _ int64) { add(acc, in) }
}

// withResult is an aggregator with something done to its result.
func withResult[T, A, R, S any](p Parts[T, A, R], f func(R) S) Parts[T, A, S] {
	if p.problem != nil {
		return Parts[T, A, S]{problem: p.problem}
	}
	return Parts[T, A, S]{
		Add: p.Add, AddAt: p.AddAt, Merge: p.Merge, Subtract: p.Subtract, Grows: p.Grows,
		Result: func(acc *A) S { return f(p.Result(acc)) },
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
