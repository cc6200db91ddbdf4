package kit

import (
	"math"
	"math/bits"
)

// Salt is the golden ratio's odd multiplier: it spreads consecutive event numbers over all 64 bits.
const Salt = 0x9E3779B97F4A7C15

// zipfSteps is how many pieces of 2^x between two powers of two are tabulated; between pieces the value is interpolated.
const zipfSteps = 4096

// A Gen makes the keys, values and event times of event 0, 1, 2, … of a workload. It is read-only after NewGen.
type Gen struct {
	keys, preload uint64
	rate          float64
	zipf, burst   bool
	log2Keys      float64
	powers        [zipfSteps + 2]float64
}

// Load says how a Gen's events are spread over keys and time.
type Load struct {
	// KeyCount is the number of distinct keys.
	KeyCount uint64
	// PreloadCount is how many of the first events touch the keys one after another, so that each exists afterwards.
	PreloadCount uint64
	// EventsPerSecond is the rate in event time.
	EventsPerSecond float64
	// Zipf draws keys by Zipf's law with s = 1 instead of uniformly.
	Zipf bool
	// Burst gives each key its events close together, about ten at a time: the shape of sessions.
	Burst bool
}

// NewGen returns the generator of a load.
func NewGen(l Load) *Gen {
	g := &Gen{keys: l.KeyCount, preload: l.PreloadCount, rate: l.EventsPerSecond, zipf: l.Zipf, burst: l.Burst}
	g.log2Keys = math.Log(float64(g.keys)+1) / math.Log(2)
	for i := range g.powers {
		g.powers[i] = math.Pow(2, float64(i)/zipfSteps)
	}
	return g
}

// Mix is splitmix64's finalizer.
func Mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

// Hash is the random number of event i.
func Hash(i uint64) uint64 { return Mix((i + 1) * Salt) }

// Scale maps the random number h to 0..n-1, for n below 2^62.
func Scale(h, n uint64) uint64 {
	hi, _ := bits.Mul64(h>>1, n<<1)
	return hi
}

// rank is the number, below the count of keys, of the key of event i.
func (g *Gen) rank(i uint64) uint64 {
	if i < g.preload {
		return i
	}
	h := Hash(i)
	if g.burst {
		return (i/10 + Scale(h, 1000)) % g.keys
	}
	if !g.zipf {
		return Scale(h, g.keys)
	}
	// A log-uniform rank is Zipf with s = 1.
	x := float64(h>>11) * 0x1p-53 * g.log2Keys
	whole := int(x)
	f := (x - float64(whole)) * zipfSteps
	t := int(f)
	// The conversion keeps the compiler from fusing product and sum, so that every processor draws the same key.
	v := float64(uint64(1)<<whole) * (g.powers[t] + float64((g.powers[t+1]-g.powers[t])*(f-float64(t))))
	r := int64(v) - 1
	return uint64(min(max(r, 0), int64(g.keys)-1))
}

// Key is the key of event i; it is never 0 for the workloads' counts of keys.
func (g *Gen) Key(i uint64) uint64 { return Mix(g.rank(i) + Salt) }

// Value is the number, 0..65535, that event i carries.
func Value(i uint64) int64 { return int64(Mix(i^Salt) & 0xFFFF) }

// Time is the event time of event i in milliseconds since the first event.
func (g *Gen) Time(i uint64) int64 { return int64(float64(i) * 1000 / g.rate) }
