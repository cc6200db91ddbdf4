package bench;

import java.time.Duration;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.WindowAssigner;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;

/** The workloads as DataStream jobs. An engine named -chained has no shuffle before the keyed operator. */
final class Jobs {
  private static final TypeInformation<Tuple2<Long, Long>> PAIR = Types.TUPLE(Types.LONG, Types.LONG);
  private static final TypeInformation<Tuple3<Long, Long, Long>> TRIPLE = Types.TUPLE(Types.LONG, Types.LONG, Types.LONG);

  private final StreamExecutionEnvironment env;
  private final Settings settings;
  private final Gen gen;
  private final boolean chained;

  private Jobs(StreamExecutionEnvironment env, Settings settings) {
    this.env = env;
    this.settings = settings;
    gen = settings.gen;
    chained = settings.engine.contains("chained");
  }

  static void build(StreamExecutionEnvironment env, Settings settings) {
    Jobs jobs = new Jobs(env, settings);
    switch (settings.workload) {
      case "W1", "W7" -> jobs.process(settings.engine.contains("mut") ? new Functions.MutableCount() : new Functions.RunningCount());
      case "W2" -> jobs.tumbling();
      case "W3" -> jobs.countIn(SlidingEventTimeWindows.of(Duration.ofSeconds(60), Duration.ofSeconds(1)));
      case "W4" -> jobs.countIn(EventTimeSessionWindows.withGap(Duration.ofSeconds(5)));
      case "W6" -> jobs.process(new Functions.ReadModifyWrite());
      default -> throw new IllegalArgumentException(settings.engine + " does not run workload " + settings.workload);
    }
  }

  /** W1, W6, W7: a result an event. */
  private void process(KeyedProcessFunction<Long, Long, Tuple2<Long, Long>> function) {
    keyed(keys(false)).process(function).returns(PAIR).sinkTo(new CountSink<>(t -> t.f1));
  }

  /** W2: sum, count and maximum of 10 seconds. */
  private void tumbling() {
    Gen g = gen;
    GenSource.EmitFactory<Tuple2<Long, Long>> events = () -> {
      Tuple2<Long, Long> event = new Tuple2<>();
      return (i, out) -> {
        event.f0 = g.key(i);
        event.f1 = Gen.value(i);
        out.collect(event, g.time(i));
      };
    };
    DataStream<Tuple2<Long, Long>> stream = env.fromSource(new GenSource<>(settings.events, settings.warm, events),
        WatermarkStrategy.forGenerator(x -> new EveryThousand<>()), "gen", PAIR);
    KeyedStream<Tuple2<Long, Long>, Long> keyed = chained
        ? DataStreamUtils.reinterpretAsKeyedStream(stream, t -> t.f0, Types.LONG)
        : stream.keyBy(t -> t.f0, Types.LONG);
    keyed.window(TumblingEventTimeWindows.of(Duration.ofSeconds(10)))
        .aggregate(new Functions.SumCountMax(), new Functions.EmitStats(), Types.POJO(Functions.Stats.class), Types.POJO(Functions.Stats.class),
            Types.TUPLE(Types.LONG, Types.LONG, Types.LONG, Types.LONG, Types.LONG))
        .sinkTo(new CountSink<>(t -> t.f2 + t.f3 + t.f4));
  }

  /** W3, W4: a count a window. */
  private void countIn(WindowAssigner<Object, TimeWindow> windows) {
    keyed(keys(true)).window(windows)
        .aggregate(new Functions.Count(), new Functions.EmitCount(), Types.LONG, Types.LONG, TRIPLE)
        .sinkTo(new CountSink<>(t -> t.f2));
  }

  private DataStream<Long> keys(boolean timed) {
    Gen g = gen;
    GenSource.EmitFactory<Long> events = timed
        ? () -> (i, out) -> out.collect(g.key(i), g.time(i))
        : () -> (i, out) -> out.collect(g.key(i));
    WatermarkStrategy<Long> watermarks = timed
        ? WatermarkStrategy.forGenerator(x -> new EveryThousand<>())
        : WatermarkStrategy.noWatermarks();
    return env.fromSource(new GenSource<>(settings.events, settings.warm, events), watermarks, "gen", Types.LONG);
  }

  private KeyedStream<Long, Long> keyed(DataStream<Long> stream) {
    return chained ? DataStreamUtils.reinterpretAsKeyedStream(stream, k -> k, Types.LONG) : stream.keyBy(k -> k, Types.LONG);
  }

  /** Emits a watermark (largest time - 1 s - 1 ms) every 1,000 events, whatever the wall clock says. */
  private static final class EveryThousand<T> implements WatermarkGenerator<T> {
    private long max = Long.MIN_VALUE + 2000;
    private int count;

    @Override
    public void onEvent(T event, long time, WatermarkOutput out) {
      if (time > max) max = time;
      if (++count == 1000) {
        count = 0;
        out.emitWatermark(new Watermark(max - 1001));
      }
    }

    @Override
    public void onPeriodicEmit(WatermarkOutput out) {}
  }
}
