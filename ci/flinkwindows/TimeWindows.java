import java.time.Duration;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.datastream.WindowedStream;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessAllWindowFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.WindowAssigner;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/** Windows of event time with the default trigger, and state beside them. */
final class TimeWindows {
  private static final OutputTag<Rec> LATE = new OutputTag<>("late", TypeInformation.of(Rec.class));

  static void add(Scenarios all) throws Exception {
    contents(all, "tumbling", TumblingEventTimeWindows.of(seconds(5)));
    contents(all, "tumbling-offset", TumblingEventTimeWindows.of(seconds(7), seconds(3)));
    contents(all, "tumbling-negative-offset", TumblingEventTimeWindows.of(seconds(7), seconds(-2)));
    contents(all, "sliding", SlidingEventTimeWindows.of(seconds(12), seconds(4)));
    contents(all, "sliding-uneven", SlidingEventTimeWindows.of(seconds(10), seconds(3)));
    contents(all, "sliding-offset", SlidingEventTimeWindows.of(seconds(10), seconds(5), seconds(1)));
    contents(all, "hopping-with-gaps", SlidingEventTimeWindows.of(seconds(4), seconds(10)));
    contents(all, "session", EventTimeSessionWindows.withGap(seconds(2)));
    late(all, "tumbling-late", TumblingEventTimeWindows.of(seconds(5)), 0);
    late(all, "sliding-late", SlidingEventTimeWindows.of(seconds(12), seconds(4)), 0);
    late(all, "session-late", EventTimeSessionWindows.withGap(seconds(2)), 0);
    late(all, "tumbling-lateness", TumblingEventTimeWindows.of(seconds(5)), 4);
    late(all, "sliding-lateness", SlidingEventTimeWindows.of(seconds(12), seconds(4)), 4);
    late(all, "session-lateness", EventTimeSessionWindows.withGap(seconds(2)), 4);
    all.scenario("aggregates", keyed(all).window(TumblingEventTimeWindows.of(seconds(10))).aggregate(new Numbers(), new Prefixed()));
    all.scenario("cascade", cascade(all));
    all.scenario("unkeyed", all.clicks().windowAll(TumblingEventTimeWindows.of(seconds(10))).process(new Everything()));
    all.scenario("process-state", keyed(all).process(new Quiet()));
  }

  static Duration seconds(long n) {
    return Duration.ofSeconds(n);
  }

  static KeyedStream<Rec, String> keyed(Scenarios all) throws Exception {
    return all.clicks().keyBy(r -> r.key);
  }

  private static void contents(Scenarios all, String name, WindowAssigner<Object, TimeWindow> windows) throws Exception {
    all.scenario(name, keyed(all).window(windows).process(new Contents<>()));
  }

  /** With late records as lines of their own, and windows that stay for some seconds. */
  private static void late(Scenarios all, String name, WindowAssigner<Object, TimeWindow> windows, long lateness) throws Exception {
    WindowedStream<Rec, String, TimeWindow> windowed = keyed(all).window(windows).allowedLateness(seconds(lateness)).sideOutputLateData(LATE);
    SingleOutputStreamOperator<String> panes = windowed.process(new Contents<>());
    all.scenario(name, panes, panes.getSideOutput(LATE).map(r -> "late " + r));
  }

  /** Each key's largest count of 5 seconds in each 20. */
  private static SingleOutputStreamOperator<String> cascade(Scenarios all) throws Exception {
    return keyed(all)
        .window(TumblingEventTimeWindows.of(seconds(5)))
        .process(new Counted())
        .keyBy(r -> r.key)
        .window(TumblingEventTimeWindows.of(seconds(20)))
        .process(new Largest());
  }

  private static final class Counted extends ProcessWindowFunction<Rec, Rec, String, TimeWindow> {
    @Override
    public void process(String key, Context context, Iterable<Rec> records, Collector<Rec> out) {
      long n = 0;
      for (Rec r : records) n++;
      out.collect(new Rec("l", key, n, context.window().maxTimestamp()));
    }
  }

  private static final class Largest extends ProcessWindowFunction<Rec, String, String, TimeWindow> {
    @Override
    public void process(String key, Context context, Iterable<Rec> counts, Collector<String> out) {
      long most = 0;
      for (Rec r : counts) most = Math.max(most, r.value);
      out.collect(key + " " + Contents.span(context.window()) + ": " + most);
    }
  }

  /** All keys in one window. */
  private static final class Everything extends ProcessAllWindowFunction<Rec, String, TimeWindow> {
    @Override
    public void process(Context context, Iterable<Rec> records, Collector<String> out) {
      out.collect(Contents.span(context.window()) + ": " + Contents.values(records));
    }
  }

  /** Count, sum, minimum, maximum and mean, record by record. */
  private static final class Numbers implements AggregateFunction<Rec, long[], String> {
    @Override
    public long[] createAccumulator() {
      return new long[] {0, 0, Long.MAX_VALUE, Long.MIN_VALUE};
    }

    @Override
    public long[] add(Rec r, long[] acc) {
      return merge(acc, new long[] {1, r.value, r.value, r.value});
    }

    @Override
    public long[] merge(long[] a, long[] b) {
      return new long[] {a[0] + b[0], a[1] + b[1], Math.min(a[2], b[2]), Math.max(a[3], b[3])};
    }

    @Override
    public String getResult(long[] acc) {
      return String.format("%d %d %d %d %.6f", acc[0], acc[1], acc[2], acc[3], (double) acc[1] / acc[0]);
    }
  }

  private static final class Prefixed extends ProcessWindowFunction<String, String, String, TimeWindow> {
    @Override
    public void process(String key, Context context, Iterable<String> results, Collector<String> out) {
      for (String r : results) out.collect(key + " " + Contents.span(context.window()) + ": " + r);
    }
  }

  /** A running sum for each key, and a line with it once event time is 3 seconds past the key's last record. */
  private static final class Quiet extends KeyedProcessFunction<String, Rec, String> {
    private transient ValueState<Long> sum;
    private transient ValueState<Long> due;

    @Override
    public void open(OpenContext context) {
      sum = getRuntimeContext().getState(new ValueStateDescriptor<>("sum", Types.LONG));
      due = getRuntimeContext().getState(new ValueStateDescriptor<>("due", Types.LONG));
    }

    @Override
    public void processElement(Rec r, Context context, Collector<String> out) throws Exception {
      sum.update((sum.value() == null ? 0 : sum.value()) + r.value);
      if (due.value() != null) context.timerService().deleteEventTimeTimer(due.value());
      due.update(r.at + 3000);
      context.timerService().registerEventTimeTimer(r.at + 3000);
      out.collect(r.key + " +" + r.value + " = " + sum.value());
    }

    @Override
    public void onTimer(long at, OnTimerContext context, Collector<String> out) throws Exception {
      out.collect(context.getCurrentKey() + " is quiet at " + at + " with " + sum.value());
      sum.clear();
      due.clear();
    }
  }
}
