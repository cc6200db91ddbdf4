package nexmark

import (
	"fmt"
	"strconv"

	"leat.dev/leat/bench/kit"
)

// The pools that texts are drawn from. Few states keep q3 busy.
var (
	firstNames = []string{"Ada", "Bruno", "Clara", "Dario", "Edda", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kaja", "Lars"}
	lastNames  = []string{"Albrecht", "Berger", "Costa", "Dorn", "Engel", "Fuchs", "Graf", "Haas", "Ivens", "Jansen"}
	cities     = []string{"Tucson", "Oakland", "Fresno", "Nampa", "Salem", "Eugene", "Tacoma", "Spokane", "Yakima", "Laramie"}
	states     = []string{"AZ", "CA", "ID", "OR", "WA", "WY"}

	hotChannels = []string{"Fountain", "Harbour", "Lantern", "Orchard"}
	hotURLs     = makeURLs(len(hotChannels), 1)
	channels    = makeChannels()
	urls        = makeURLs(channelCount, 2)
	padding     = makePadding()
	decades     = makeDecades()
)

const (
	channelCount = 10_000
	paddingBytes = 1 << 16
	decadeSteps  = 1 << 12
)

func makeChannels() []string {
	all := make([]string, channelCount)
	for i := range all {
		all[i] = "channel-" + strconv.Itoa(i)
	}
	return all
}

// makeURLs makes addresses, nine in ten of which name their channel.
func makeURLs(count int, seed uint64) []string {
	r := random{kit.Mix(seed)}
	all := make([]string, count)
	for i := range all {
		all[i] = fmt.Sprintf("https://auctions.example/%s/%s/%s/lot?query=1", r.letters(3, 5), r.letters(3, 5), r.letters(3, 5))
		if r.below(10) > 0 {
			all[i] += fmt.Sprint("&channel_id=", r.below(1<<31))
		}
	}
	return all
}

func makePadding() string {
	r := random{kit.Mix(3)}
	text := make([]byte, paddingBytes)
	for i := range text {
		text[i] = 'a' + byte(r.below(26))
	}
	return string(text)
}

// makeDecades tabulates 10^x from 0 to 1 by multiplication alone, which every processor does alike; the conversions keep the
// compiler from fusing operations.
func makeDecades() []float64 {
	const step = 1.00056231327204 // 10^(1/4096)
	all := make([]float64, decadeSteps+1)
	all[0] = 1
	for i := range decadeSteps {
		all[i+1] = float64(all[i] * step)
	}
	return all
}

// price is log-uniform from 100 to 100,000,000 cents.
func (r *random) price() int64 {
	cents := 100.0
	for range r.below(6) {
		cents *= 10
	}
	return int64(float64(cents*decades[r.below(decadeSteps)]) + 0.5)
}

func (r *random) of(pool []string) string { return pool[r.below(int64(len(pool)))] }

// letters is from least to most-1 of them.
func (r *random) letters(least, most int64) string {
	return r.padding(least + r.below(most-least))
}

func (r *random) padding(size int64) string {
	from := r.below(paddingBytes - size)
	return padding[from : from+size]
}

func (r *random) digits(count int) string { return fmt.Sprintf("%0*d", count, r.below(10_000)) }

// extra is text of about so many bytes, a fifth more or less.
func (r *random) extra(size int64) string {
	if size <= 0 {
		return ""
	}
	spread := size / 5
	return r.padding(size - spread + r.below(2*spread+1))
}
