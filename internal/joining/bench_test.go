package joining

import (
	"fmt"
	"testing"

	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/operator"
	"leat.dev/leat/window"
)

// bid is a record of a size that many have.
type bid struct{ Auction, Bidder, Price, At int64 }

// joinBench feeds a join batches of both sides, and moves the watermark with each.
type joinBench struct {
	core          *operator.Keyed[int64]
	first, second func(payload any)
	keys          *keygroup.Keys[int64]
	results       int
}

func newJoinBench(b *testing.B, by string) *joinBench {
	keys, err := keygroup.Derive[int64](nil)
	if err != nil {
		b.Fatal(err)
	}
	env := flow.DryEnv("bench", "join", 128)
	j := &joinBench{core: operator.NewKeyed(env, heap.New(heap.Config{To: 128, Max: 128}, keys)), keys: keys}
	config := Config[int64, bid, bid]{Core: j.core, Keys: keys}
	results := Results[bid, bid]{Pair: func(*bid, *bid, int64) { j.results++ }}
	switch by {
	case "windows":
		w, err := NewWindows(config, window.Tumbling(10_000), results)
		if err != nil {
			b.Fatal(err)
		}
		j.core.SetWindows(w)
		j.first = operator.NewWindowPort(j.core, w.ReceiveFirst).Deliver
		j.second = operator.NewWindowPort(j.core, w.ReceiveSecond).Deliver
	case "within":
		i, err := NewInterval(config, 0, 5_000, results)
		if err != nil {
			b.Fatal(err)
		}
		j.first = operator.NewKeyedPort(j.core, i.ReceiveFirst).Deliver
		j.second = operator.NewKeyedPort(j.core, i.ReceiveSecond).Deliver
	default:
		i, err := NewAsOf(config, results)
		if err != nil {
			b.Fatal(err)
		}
		j.first = operator.NewKeyedPort(j.core, i.ReceiveFirst).Deliver
		j.second = operator.NewKeyedPort(j.core, i.ReceiveSecond).Deliver
	}
	return j
}

// fill makes a batch of the records from n on, spread over so many keys; a record is one nanosecond after the other.
func (j *joinBench) fill(batch *flow.Keyed[int64, bid], n, keys int) {
	batch.Reset(false)
	for i := range 512 {
		at := int64(n + i)
		key := at * 7919 % int64(keys)
		batch.Values = append(batch.Values, bid{key, at, at, at})
		batch.Times = append(batch.Times, at)
		batch.Keys = append(batch.Keys, key)
		batch.Hashes = append(batch.Hashes, j.keys.Hash(key))
	}
}

// BenchmarkJoin is the cost of a record, of both sides in turn, in batches of 512 with a watermark after each. A key
// has one record a side in each window, or one in the interval, or one version that moves on: "one". Or hardly any key
// has a partner, as most prices are not the highest: "alone".
func BenchmarkJoin(b *testing.B) {
	for _, by := range []string{"windows", "within", "asof"} {
		for _, partners := range []string{"one", "alone"} {
			b.Run(fmt.Sprintf("%s/%s", by, partners), func(b *testing.B) { benchmarkJoin(b, by, partners == "one") })
		}
	}
}

func benchmarkJoin(b *testing.B, by string, partners bool) {
	j := newJoinBench(b, by)
	var first, second flow.Keyed[int64, bid]
	b.ReportAllocs()
	records := 0
	for n := 0; b.Loop(); n += 512 {
		j.fill(&first, n, 10_000)
		j.first(&first)
		records += 512
		if partners {
			j.fill(&second, n, 10_000)
			j.second(&second)
			records += 512
		}
		for !j.core.Advance(int64(n), 512) {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
	b.ReportMetric(float64(j.results)/float64(records), "pairs/record")
}
