import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.CoGroupFunction;
import org.apache.flink.api.common.functions.JoinFunction;
import org.apache.flink.streaming.api.datastream.CoGroupedStreams;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.functions.co.ProcessJoinFunction;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.WindowAssigner;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Joins of two streams. No record of theirs is late: which one of two inputs is read first is open. */
final class Joins {
  static void add(Scenarios all) throws Exception {
    WindowAssigner<Object, TimeWindow> tumbling = TumblingEventTimeWindows.of(TimeWindows.seconds(5));
    WindowAssigner<Object, TimeWindow> sliding = SlidingEventTimeWindows.of(TimeWindows.seconds(6), TimeWindows.seconds(2));
    WindowAssigner<Object, TimeWindow> session = EventTimeSessionWindows.withGap(TimeWindows.seconds(2));
    JoinFunction<Rec, Rec, String> pair = (a, b) -> a + " " + b.value + "@" + b.at;
    all.scenario("join-tumbling", left(all).join(right(all)).where(r -> r.key).equalTo(r -> r.key).window(tumbling).apply(pair));
    all.scenario("join-sliding", left(all).join(right(all)).where(r -> r.key).equalTo(r -> r.key).window(sliding).apply(pair));
    all.scenario("join-session", left(all).join(right(all)).where(r -> r.key).equalTo(r -> r.key).window(session).apply(pair));
    all.scenario("cogroup-tumbling", grouped(all, tumbling));
    all.scenario("cogroup-session", grouped(all, session));
    all.scenario("interval-join", between(all, false));
    all.scenario("interval-join-exclusive", between(all, true));
  }

  static DataStream<Rec> left(Scenarios all) throws Exception {
    return all.read("pairs.csv", "l");
  }

  static DataStream<Rec> right(Scenarios all) throws Exception {
    return all.read("pairs.csv", "r");
  }

  private static DataStream<String> grouped(Scenarios all, WindowAssigner<Object, TimeWindow> windows) throws Exception {
    CoGroupedStreams<Rec, Rec> both = left(all).coGroup(right(all));
    return both.where(r -> r.key).equalTo(r -> r.key).window(windows).apply(new Both());
  }

  /** Pairs of which the right record is from a second before to three seconds after the left one. */
  private static DataStream<String> between(Scenarios all, boolean exclusive) throws Exception {
    KeyedStream<Rec, String> left = left(all).keyBy(r -> r.key);
    KeyedStream.IntervalJoined<Rec, Rec, String> join =
        left.intervalJoin(right(all).keyBy(r -> r.key)).between(TimeWindows.seconds(-1), TimeWindows.seconds(3));
    return (exclusive ? join.upperBoundExclusive().lowerBoundExclusive() : join).process(new Timed());
  }

  private static final class Timed extends ProcessJoinFunction<Rec, Rec, String> {
    @Override
    public void processElement(Rec a, Rec b, Context context, Collector<String> out) {
      out.collect(a + " " + b.value + "@" + b.at + " at " + context.getTimestamp());
    }
  }

  /** A line for each group: the values of the left side and those of the right one. */
  private static final class Both implements CoGroupFunction<Rec, Rec, String> {
    @Override
    public void coGroup(Iterable<Rec> left, Iterable<Rec> right, Collector<String> out) {
      List<Rec> all = new ArrayList<>();
      left.forEach(all::add);
      right.forEach(all::add);
      out.collect(all.get(0).key + ": " + Contents.values(left) + " | " + Contents.values(right));
    }
  }
}
