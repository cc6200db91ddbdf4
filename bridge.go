package leat

import "leat.dev/leat/internal/bridge"

func init() {
	bridge.Of = func(job any) bridge.Inside {
		j := job.(*Job)
		return bridge.Inside{Graph: j.graph, Settings: j.settings(), Budget: j.budget(), Codecs: &j.codecs}
	}
}
