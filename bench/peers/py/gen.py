"""The benchmark's data in numpy blocks (the same as in Gen.java), the argument parser, the clock and the JSON line."""
import json
import os
import sys
import time

import numpy as np

SALT = np.uint64(0x9E3779B97F4A7C15)
ARGS = dict(a.split("=", 1) for a in sys.argv[1:])


def num(k, d):
    return int(ARGS.get(k, d))


def mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def block(lo, hi, keys, rate):
    """Keys, values and timestamps (ms) of events lo..hi-1 as lists."""
    i = np.arange(lo, hi, dtype=np.uint64)
    h = mix((i + np.uint64(1)) * SALT)
    # floor(h / 2^64 * keys) for keys < 2^32
    k, a, m = np.uint64(keys), h >> np.uint64(32), h & np.uint64(0xFFFFFFFF)
    rank = (a * k + ((m * k) >> np.uint64(32))) >> np.uint64(32)
    key = mix(rank + SALT)
    val = mix(i ^ SALT) & np.uint64(0xFFFF)
    ts = (i.astype(np.float64) * 1000.0 / rate).astype(np.int64)
    return key.tolist(), val.tolist(), ts.tolist()


class Meter:
    wall = cpu = 0.0
    out = total = 0

    def start(self):
        t = os.times()
        self.wall, self.cpu = time.perf_counter(), t.user + t.system + t.children_user + t.children_system

    def report(self, version):
        t = os.times()
        wall, cpu = time.perf_counter() - self.wall, t.user + t.system + t.children_user + t.children_system - self.cpu
        rss = next(int(x.split()[1]) // 1024 for x in open("/proc/self/status") if x.startswith("VmHWM"))
        n, warm = num("n", 0), num("warm", 0)
        ev = n - warm
        print(json.dumps(dict(workload=ARGS["name"], engine=ARGS["engine"], version=version, parallelism=1, events=ev, wall_s=round(wall, 2),
                              cpu_s=round(cpu, 2), events_per_s=round(ev / wall), events_per_cpu_s=round(ev / cpu), max_rss_mb=rss, warm=warm,
                              keys=num("keys", 0), rate=num("rate", 0), out=self.out, sum=self.total, load1=os.getloadavg()[0])), flush=True)
