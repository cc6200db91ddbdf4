package bench;

import java.io.Serializable;

/** The deterministic events of every workload; bench/kit/gen.go and py/gen.py hold the same functions. */
public final class Gen implements Serializable {
  private static final long SALT = 0x9E3779B97F4A7C15L;
  private static final int ZIPF_STEPS = 4096;

  final long keys, preload;
  final double rate; // events per second of event time
  private final boolean zipf, burst;
  private final double log2Keys;
  private final double[] powers = new double[ZIPF_STEPS + 2];

  Gen(long keys, double rate, boolean zipf, boolean burst, long preload) {
    this.keys = keys;
    this.rate = rate;
    this.zipf = zipf;
    this.burst = burst;
    this.preload = preload;
    log2Keys = Math.log(keys + 1.0) / Math.log(2);
    for (int i = 0; i < powers.length; i++) powers[i] = Math.pow(2, (double) i / ZIPF_STEPS);
  }

  /** splitmix64's finalizer. */
  static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  static long hash(long i) {
    return mix((i + 1) * SALT);
  }

  /** floor(h / 2^64 * n) for n < 2^62. */
  static long scale(long h, long n) {
    return Math.multiplyHigh(h >>> 1, n << 1);
  }

  private long rank(long i) {
    if (i < preload) return i;
    long h = hash(i);
    if (burst) return (i / 10 + scale(h, 1000)) % keys;
    if (!zipf) return scale(h, keys);
    // A log-uniform rank is Zipf with s = 1.
    double x = (h >>> 11) * 0x1p-53 * log2Keys;
    int whole = (int) x;
    double f = (x - whole) * ZIPF_STEPS;
    int t = (int) f;
    double v = (double) (1L << whole) * (powers[t] + (powers[t + 1] - powers[t]) * (f - t));
    long r = (long) v - 1;
    return r < 0 ? 0 : r >= keys ? keys - 1 : r;
  }

  long key(long i) {
    return mix(rank(i) + SALT);
  }

  static long value(long i) {
    return mix(i ^ SALT) & 0xFFFF;
  }

  /** Milliseconds since the first event. */
  long time(long i) {
    return (long) (i * 1000.0 / rate);
  }
}
