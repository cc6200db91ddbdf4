package main

import (
	"strings"
	"testing"

	"leat.dev/leat/bench/kit"
)

const results = `
{"workload":"W1","engine":"leat","version":"go1.27.4","parallelism":1,"events":24000000,"wall_s":2,"cpu_s":3,"events_per_s":12000000,"events_per_cpu_s":8000000,"max_rss_mb":1200,"out":7,"sum":9,"load1":0.4}
{"workload":"W1","engine":"flink-heap","version":"2.3.0","parallelism":1,"events":24000000,"wall_s":12,"cpu_s":24,"events_per_s":2000000,"events_per_cpu_s":1000000,"max_rss_mb":6100,"out":7,"sum":9,"load1":1.4}
{"workload":"W1","engine":"flink-heap","version":"2.3.0","parallelism":1,"events":24000000,"wall_s":8,"cpu_s":12,"events_per_s":3000000,"events_per_cpu_s":2000000,"max_rss_mb":6100,"out":7,"sum":9,"load1":1.4}
{"workload":"W1","engine":"flink-heap","version":"2.3.0","parallelism":2,"events":24000000,"wall_s":8,"cpu_s":12,"events_per_s":3000000,"events_per_cpu_s":2000000,"max_rss_mb":6100,"out":7,"sum":9,"load1":1.4}
{"workload":"W7","engine":"leat","version":"go1.27.4","parallelism":1,"events":1000,"wall_s":0,"cpu_s":0,"events_per_s":0,"events_per_cpu_s":0,"checkpoints":3,"ckpt_ms_avg":200,"ckpt_ms_max":250,"ckpt_sync_ms_max":1,"ckpt_mb_avg":89.25,"pause_ms_max":3}
`

// The worse of two runs is left out; leat has a ratio of 1 to itself, and none where it did not run.
const table = `
| workload | par | engine     | version  | M events | wall s | CPU s | RSS MB | load |   events/s | events/CPU-s | leat/it wall | leat/it CPU | checkpoints                                            |
| ---      | --: | ---        | ---      |      --: |    --: |   --: |    --: |  --: |        --: |          --: |          --: |         --: | ---                                                    |
| W1       |   1 | leat       | go1.27.4 |     24.0 |   2.00 |  3.00 |  1,200 |  0.4 | 12,000,000 |    8,000,000 |        1.00x |       1.00x |                                                        |
| W1       |   1 | flink-heap | 2.3.0    |     24.0 |   8.00 | 12.00 |  6,100 |  1.4 |  3,000,000 |    2,000,000 |        4.00x |       4.00x |                                                        |
| W1       |   2 | flink-heap | 2.3.0    |     24.0 |   8.00 | 12.00 |  6,100 |  1.4 |  3,000,000 |    2,000,000 |              |             |                                                        |
| W7       |   1 | leat       | go1.27.4 |      0.0 |   0.00 |  0.00 |      0 |  0.0 |          0 |            0 |              |             | 3, 200 ms (longest 250), 89.2 MB; longest pause 3.0 ms |
`

func TestTableKeepsTheBestRunsAndComparesThem(t *testing.T) {
	runs, err := read(strings.NewReader(results))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	writeTable(&out, best(runs))
	if got, want := out.String(), strings.TrimPrefix(table, "\n"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestLosses(t *testing.T) {
	var out strings.Builder
	writeLosses(&out, []kit.Result{
		{Workload: "W7", Engine: "leat", Parallelism: 1, EventsPerSecond: 200, EventsPerCPUSecond: 100},
		{Workload: "W7-ckpt", Engine: "leat", Parallelism: 1, EventsPerSecond: 190, EventsPerCPUSecond: 96},
		{Workload: "W7-ckpt", Engine: "other", Parallelism: 1, EventsPerSecond: 190, EventsPerCPUSecond: 96},
	})
	want := "W7, par 1, leat: checkpoints cost 5.0 % of the events/s and 4.0 % of the events/CPU-s\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestReadNamesTheBrokenResult(t *testing.T) {
	_, err := read(strings.NewReader(`{"workload":"W1"} {"workload":`))
	if err == nil || !strings.HasPrefix(err.Error(), "result 2: ") {
		t.Errorf("got error %v, want one that names result 2", err)
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -999: "-999", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %s, want %s", n, got, want)
		}
	}
}
