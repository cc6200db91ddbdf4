package bench;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.configuration.Configuration;

/** The arguments, and the Flink configuration that follows from them. A dotted name is an option of Flink's own. */
final class Settings {
  final String workload, name, engine, label, role;
  final long events, warm;
  final int parallelism;
  final boolean checkpointed, explain;
  final Gen gen;
  final Configuration flink = new Configuration();

  private final Map<String, String> args = new HashMap<>();

  Settings(String[] line) {
    for (String arg : line) {
      String[] pair = arg.split("=", 2);
      if (pair.length != 2) throw new IllegalArgumentException("argument " + arg + ": want name=value");
      args.put(pair[0], pair[1]);
    }
    workload = text("workload", "W1");
    name = text("name", workload);
    engine = text("engine", "flink-heap");
    label = text("label", engine);
    role = text("role", "");
    events = number("n", 30_000_000);
    warm = number("warm", 0);
    parallelism = (int) number("par", 1);
    checkpointed = number("ckpt", 0) > 0;
    explain = number("explain", 0) == 1;
    gen = new Gen(number("keys", 1_000_000), number("rate", 1000), number("zipf", 0) == 1, workload.equals("W4"), number("preload", 0));
    configure();
  }

  private String text(String name, String absent) {
    return args.getOrDefault(name, absent);
  }

  private long number(String name, long absent) {
    return args.containsKey(name) ? Long.parseLong(args.get(name)) : absent;
  }

  private void configure() {
    String dir = text("dir", System.getProperty("java.io.tmpdir"));
    flink.setString("parallelism.default", "" + parallelism);
    flink.setString("taskmanager.numberOfTaskSlots", "" + parallelism);
    flink.setString("pipeline.object-reuse", "true");
    flink.setString("pipeline.generic-types", "false");
    flink.setString("pipeline.auto-watermark-interval", "1 s");
    flink.setString("taskmanager.memory.managed.size", text("managed", "512m"));
    flink.setString("taskmanager.memory.network.max", "128m");
    flink.setString("taskmanager.memory.network.min", "128m");
    flink.setString("rest.port", "0");
    flink.setString("io.tmp.dirs", dir + "/tmp");
    configureState(dir);
    args.forEach((name, value) -> { if (name.contains(".")) flink.setString(name, value); });
  }

  private void configureState(String dir) {
    flink.setString("state.backend.type", engine.contains("rocksdb") ? "rocksdb" : "hashmap");
    flink.setString("state.backend.rocksdb.use-bloom-filter", "true");
    flink.setString("state.backend.rocksdb.memory.partitioned-index-filters", "true");
    flink.setString("state.backend.rocksdb.timer-service.factory", "HEAP");
    flink.setString("state.backend.rocksdb.thread.num", "2");
    flink.setString("state.backend.rocksdb.localdir", dir + "/rocks");
    if (!checkpointed) return;
    flink.setString("execution.checkpointing.interval", number("ckpt", 0) + " ms");
    flink.setString("execution.checkpointing.incremental", "true");
    flink.setString("execution.checkpointing.storage", "filesystem");
    flink.setString("execution.checkpointing.dir", "file://" + dir + "/ckpt");
    flink.setString("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
    flink.setString("web.checkpoints.history", "1000");
  }
}
