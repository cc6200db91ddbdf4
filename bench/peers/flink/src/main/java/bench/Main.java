package bench;

import java.lang.management.ManagementFactory;
import java.util.Locale;
import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.checkpoint.AbstractCheckpointStats;
import org.apache.flink.runtime.checkpoint.CheckpointStatsSnapshot;
import org.apache.flink.runtime.checkpoint.CompletedCheckpointStats;
import org.apache.flink.runtime.checkpoint.TaskStateStats;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Runs one workload on one set-up of Flink and prints one line of JSON. Arguments are name=value pairs. */
public final class Main {
  public static void main(String[] line) throws Exception {
    Settings settings = new Settings(line);
    if (settings.role.equals("resume")) Meter.onFirst(() -> resumed(settings));
    String checkpoints = "";
    if (settings.engine.startsWith("flink-sql")) Sql.run(settings);
    else checkpoints = runDataStream(settings);
    printResult(settings, checkpoints);
    Runtime.getRuntime().halt(0); // Flink's idle threads need not be waited for
  }

  /** Runs the job on a cluster in this process and returns what the result line says of its checkpoints. */
  private static String runDataStream(Settings s) throws Exception {
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(s.flink);
    env.setParallelism(s.parallelism);
    Jobs.build(env, s);
    MiniClusterConfiguration configuration = new MiniClusterConfiguration.Builder()
        .setConfiguration(s.flink).setNumTaskManagers(1).setNumSlotsPerTaskManager(s.parallelism).build();
    try (MiniCluster cluster = new MiniCluster(configuration)) {
      cluster.start();
      JobID job = cluster.submitJob(env.getStreamGraph().getJobGraph()).get().getJobID();
      if (s.role.equals("fill")) dieAfterCheckpoint(cluster, job);
      cluster.requestJobResult(job).get().toJobExecutionResult(Main.class.getClassLoader());
      return s.checkpointed ? checkpoints(cluster.getExecutionGraph(job).get().getCheckpointStatsSnapshot()) : "";
    }
  }

  /** Waits for a checkpoint that began half a second after the warm-up, prints its place and ends the process. */
  private static void dieAfterCheckpoint(MiniCluster cluster, JobID job) throws Exception {
    while (true) {
      Thread.sleep(20);
      if (Meter.millisSinceStart() < 500) continue;
      CheckpointStatsSnapshot stats = cluster.getExecutionGraph(job).get().getCheckpointStatsSnapshot();
      CompletedCheckpointStats last = stats == null ? null : stats.getHistory().getLatestCompletedCheckpoint();
      if (last == null || System.currentTimeMillis() - last.getTriggerTimestamp() > Meter.millisSinceStart() - 500) continue;
      System.out.println(last.getExternalPath());
      System.out.flush();
      Runtime.getRuntime().halt(0);
    }
  }

  /** Called with the first result of a job that goes on from a checkpoint: says how long the process has run, and ends it. */
  static void resumed(Settings s) {
    long millis = System.currentTimeMillis() - ManagementFactory.getRuntimeMXBean().getStartTime();
    System.out.printf(Locale.ROOT, "{\"workload\":\"%s-restore\",\"engine\":\"%s\",\"version\":\"%s\",\"parallelism\":%d,\"keys\":%d,"
        + "\"restore_ms\":%d,\"restore_cpu_ms\":%.0f,\"load1\":%s}%n",
        s.name, s.label, EnvironmentInformation.getVersion(), s.parallelism, s.gen.keys, millis, 1000 * Meter.processCpuSeconds(), Meter.load());
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  private static String checkpoints(CheckpointStatsSnapshot stats) {
    long count = 0, millis = 0, longest = 0, bytes = 0, largest = 0, longestSync = 0;
    for (AbstractCheckpointStats checkpoint : stats.getHistory().getCheckpoints()) {
      if (!(checkpoint instanceof CompletedCheckpointStats)) continue;
      count++;
      millis += checkpoint.getEndToEndDuration();
      longest = Math.max(longest, checkpoint.getEndToEndDuration());
      bytes += checkpoint.getCheckpointedSize();
      largest = Math.max(largest, checkpoint.getStateSize());
      for (TaskStateStats task : checkpoint.getAllTaskStateStats()) {
        if (task.getSummaryStats() == null) continue;
        longestSync = Math.max(longestSync, task.getSummaryStats().getSyncCheckpointDurationStats().getMaximum());
      }
    }
    long divisor = Math.max(count, 1);
    return String.format(Locale.ROOT, ",\"checkpoints\":%d,\"ckpt_ms_avg\":%d,\"ckpt_ms_max\":%d,\"ckpt_sync_ms_max\":%d,"
        + "\"ckpt_mb_avg\":%.1f,\"ckpt_full_mb_max\":%.1f",
        count, millis / divisor, longest, longestSync, bytes / 1e6 / divisor, largest / 1e6);
  }

  private static void printResult(Settings s, String checkpoints) {
    checkpoints += String.format(Locale.ROOT, ",\"pause_ms_max\":%.1f", Meter.longestPauseMillis());
    double wall = Meter.wallSeconds(), cpu = Meter.cpuSeconds();
    long events = s.events - s.warm;
    System.out.printf(Locale.ROOT, "{\"workload\":\"%s\",\"engine\":\"%s\",\"version\":\"%s\",\"parallelism\":%d,"
        + "\"events\":%d,\"wall_s\":%.2f,\"cpu_s\":%.2f,\"events_per_s\":%.0f,\"events_per_cpu_s\":%.0f,\"max_rss_mb\":%d,"
        + "\"warm\":%d,\"keys\":%d,\"rate\":%.0f,\"out\":%d,\"sum\":%d,\"load1\":%s%s}%n",
        s.name, s.label, EnvironmentInformation.getVersion(), s.parallelism,
        events, wall, cpu, events / wall, events / cpu, Meter.maxRssMb(),
        s.warm, s.gen.keys, s.gen.rate, Meter.out(), Meter.sum(), Meter.load(), checkpoints);
    System.out.flush();
  }
}
