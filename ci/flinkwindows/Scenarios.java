import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.legacy.SinkFunction;

/**
 * Runs each scenario of windows and joins on Flink and writes what it emits, as sorted lines, to a file of its name.
 *
 * <p>Arguments: the folder of the inputs, and the folder to write to. All scenarios are one job of one process, at parallelism 1;
 * each has a source of its own, so that none waits for another.
 */
public final class Scenarios {
  private static final Map<String, Queue<String>> LINES = new ConcurrentHashMap<>();

  final StreamExecutionEnvironment env;
  private final Path inputs;

  private Scenarios(StreamExecutionEnvironment env, Path inputs) {
    this.env = env;
    this.inputs = inputs;
  }

  public static void main(String[] args) throws Exception {
    Configuration config = new Configuration();
    config.set(RestOptions.BIND_PORT, "0");
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(config);
    env.setParallelism(1);
    Scenarios all = new Scenarios(env, Path.of(args[0]));
    TimeWindows.add(all);
    TriggeredWindows.add(all);
    Joins.add(all);
    SqlWindows.add(all);
    SqlJoins.add(all);
    env.execute();
    for (Map.Entry<String, Queue<String>> scenario : LINES.entrySet()) {
      List<String> lines = new ArrayList<>(scenario.getValue());
      Collections.sort(lines);
      Files.write(Path.of(args[1], scenario.getKey() + ".txt"), lines);
    }
    System.err.println(LINES.size() + " scenarios ran on Flink");
  }

  /** The records of one stream. */
  DataStream<Rec> clicks() throws Exception {
    return read("clicks.csv", "l");
  }

  /** The records of one side of a file, "l" or "r". */
  DataStream<Rec> read(String file, String side) throws Exception {
    return env.addSource(new Replay(inputs.resolve(file), side), file, TypeInformation.of(Rec.class));
  }

  /** Gathers what a scenario emits. Its streams may be several. */
  @SafeVarargs
  final void scenario(String name, DataStream<String>... streams) {
    LINES.put(name, new ConcurrentLinkedQueue<>());
    for (DataStream<String> s : streams) s.addSink(new Gather(name)).name(name);
  }

  private static final class Gather implements SinkFunction<String> {
    private final String scenario;

    Gather(String scenario) {
      this.scenario = scenario;
    }

    @Override
    public void invoke(String line, Context context) {
      LINES.get(scenario).add(line);
    }
  }
}
