package backendtest

import (
	"errors"

	"leat.dev/leat/internal/backend"
)

var errEnough = errors.New("enough")

// look compares what a live read shows of all keys, and of some items, with the model, if the backend offers live reads.
func (r *run[K]) look() {
	want, got := r.render(), map[place]string{}
	for i := range r.keys {
		key := r.suite.Key(i)
		s := r.stores[r.storeOf(key)]
		from, ok := s.Keyed.(backend.Readable)
		if !ok {
			return
		}
		canonical := r.suite.Keys.Append([]byte{}, key)
		for _, state := range s.States() {
			err := from.Look(state.Name, canonical, nil, func(h backend.Held) error {
				got[place{state.Name, string(canonical), string(h.Item)}] += string(h.Value) // lists have several
				return nil
			})
			if err != nil {
				r.t.Fatal(err)
			}
		}
	}
	r.equal(got, want)
	r.lookAtItems(want)
}

// lookAtItems looks items up one by one, those that there are and some that there are not.
func (r *run[K]) lookAtItems(want map[place]string) {
	for p, value := range want {
		if p.item == "" || r.rnd.IntN(4) > 0 {
			continue
		}
		key := r.suite.Key(r.rnd.IntN(r.keys)) // mostly another key, which may have the item too
		canonical := r.suite.Keys.Append([]byte{}, key)
		if string(canonical) != p.key {
			value = want[place{p.state, string(canonical), p.item}]
		}
		got := ""
		err := r.stores[r.storeOf(key)].Keyed.(backend.Readable).Look(p.state, canonical, []byte(p.item), func(h backend.Held) error {
			got += string(h.Value)
			return errEnough
		})
		if err != nil && err != errEnough || got != value || (err == errEnough) != (value != "") {
			r.t.Fatalf("live, %s of key %v is %x, want %x: %v", p, key, got, value, err)
		}
	}
}
