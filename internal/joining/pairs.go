package joining

import "slices"

// pairing goes through the pairs of a window.
type pairing[T, U any] struct{ Results[T, U] }

// nothing says that a window has no result, as most have not where few keys find a partner.
func (p *pairing[T, U]) nothing(k *Kept[T, U]) bool {
	first, second := k.All()
	return len(first) == 0 && p.Second == nil || len(second) == 0 && p.First == nil
}

// fresh emits what has not been emitted: pairs of which the records are not of one part, and records without a partner.
func (p *pairing[T, U]) fresh(k *Kept[T, U], at int64) {
	first, second := p.records(k)
	switch done := k.emitted(); {
	case len(second) == 0:
		p.firstAlone(first[done.First:], at)
	case len(first) == 0:
		p.secondAlone(second[done.Second:], at)
	case p.Pair != nil:
		p.pairs(first, second, k.parts(), at)
	}
}

// records are those of a window, where they may be kept if somebody does.
func (p *pairing[T, U]) records(k *Kept[T, U]) (first []T, second []U) {
	first, second = k.All()
	if p.KeepsFirst && k.alone&aloneFirst != 0 {
		first = slices.Clone(first)
	}
	if p.KeepsSecond && k.alone&aloneSecond != 0 {
		second = slices.Clone(second)
	}
	return first, second
}

func (p *pairing[T, U]) firstAlone(all []T, at int64) {
	if p.First == nil {
		return
	}
	for i := range all {
		p.First(&all[i], at)
	}
}

func (p *pairing[T, U]) secondAlone(all []U, at int64) {
	if p.Second == nil {
		return
	}
	for i := range all {
		p.Second(&all[i], at)
	}
}

// pairs emits the pairs of which the records are not of one part.
func (p *pairing[T, U]) pairs(first []T, second []U, parts []part, at int64) {
	var from part
	for _, q := range parts {
		to := part{from.First + q.First, from.Second + q.Second}
		p.cross(first[from.First:to.First], second[:from.Second], at)
		p.cross(first[from.First:to.First], second[to.Second:], at)
		from = to
	}
	p.cross(first[from.First:], second, at)
}

func (p *pairing[T, U]) cross(first []T, second []U, at int64) {
	for i := range first {
		for j := range second {
			p.Pair(&first[i], &second[j], at)
		}
	}
}

// one emits the pairs of a record that came late; the window has it already.
func (p *pairing[T, U]) one(k *Kept[T, U], late Side[T, U], at int64) {
	first, second := p.records(k)
	if late.First != nil {
		first = []T{*late.First}
	} else {
		second = []U{*late.Second}
	}
	switch {
	case len(second) == 0:
		p.firstAlone(first, at)
	case len(first) == 0:
		p.secondAlone(second, at)
	case p.Pair != nil:
		p.cross(first, second, at)
	}
}
