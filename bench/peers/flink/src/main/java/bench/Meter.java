package bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The clock of the measured part: from the first event after the warm-up to the last sink's end of input. Linux only. */
final class Meter {
  private static final double TICKS_PER_SECOND = 100; // of /proc/self/stat

  private static volatile long beganNanos, endedNanos;
  private static volatile double beganCpu, endedCpu;
  private static long out, sum, longestPause;
  private static Runnable first;

  private Meter() {}

  static void start() {
    beganCpu = processCpuSeconds();
    beganNanos = System.nanoTime();
  }

  /** Called by every sink when its input has ended, with what it has counted; the last call stops the clock. */
  static synchronized void sinkEnded(long sinkOut, long sinkSum) {
    out += sinkOut;
    sum += sinkSum;
    endedCpu = processCpuSeconds();
    endedNanos = System.nanoTime();
  }

  /** Has the first result of the process call back. */
  static void onFirst(Runnable call) {
    first = call;
  }

  /** Called by every sink with its first result. */
  static void sinkBegan() {
    if (first != null) first.run();
  }

  /** Called by every sink when its input has ended, with the longest time between two of its signs of life. */
  static synchronized void paused(long nanos) {
    longestPause = Math.max(longestPause, nanos);
  }

  static synchronized double longestPauseMillis() {
    return longestPause / 1e6;
  }

  /** How long ago the measured part began; 0 before. */
  static long millisSinceStart() {
    return beganNanos == 0 ? 0 : (System.nanoTime() - beganNanos) / 1_000_000;
  }

  static double wallSeconds() {
    return (endedNanos - beganNanos) / 1e9;
  }

  static double cpuSeconds() {
    return endedCpu - beganCpu;
  }

  static synchronized long out() {
    return out;
  }

  static synchronized long sum() {
    return sum;
  }

  /** The largest resident size of the process so far. */
  static long maxRssMb() {
    for (String line : read("/proc/self/status").split("\n")) {
      if (line.startsWith("VmHWM")) return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
    }
    return 0;
  }

  /** The machine's load average over the last minute. */
  static String load() {
    return read("/proc/loadavg").split(" ")[0];
  }

  /** User and system time of all threads and waited-for children: fields 14 to 17 of stat. */
  static double processCpuSeconds() {
    String stat = read("/proc/self/stat");
    String[] afterName = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    long ticks = 0;
    for (int i = 11; i <= 14; i++) ticks += Long.parseLong(afterName[i]);
    return ticks / TICKS_PER_SECOND;
  }

  private static String read(String file) {
    try {
      return Files.readString(Path.of(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
