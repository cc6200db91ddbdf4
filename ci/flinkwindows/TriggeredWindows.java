import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.apache.flink.api.common.ExecutionConfig;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.assigners.GlobalWindows;
import org.apache.flink.streaming.api.windowing.assigners.SessionWindowTimeGapExtractor;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.WindowAssigner;
import org.apache.flink.streaming.api.windowing.evictors.CountEvictor;
import org.apache.flink.streaming.api.windowing.evictors.DeltaEvictor;
import org.apache.flink.streaming.api.windowing.evictors.TimeEvictor;
import org.apache.flink.streaming.api.windowing.triggers.ContinuousEventTimeTrigger;
import org.apache.flink.streaming.api.windowing.triggers.CountTrigger;
import org.apache.flink.streaming.api.windowing.triggers.DeltaTrigger;
import org.apache.flink.streaming.api.windowing.triggers.EventTimeTrigger;
import org.apache.flink.streaming.api.windowing.triggers.PurgingTrigger;
import org.apache.flink.streaming.api.windowing.triggers.Trigger;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;

/** Count, global, dynamic and custom windows, triggers and evictors. */
final class TriggeredWindows {
  static void add(Scenarios all) throws Exception {
    counts(all);
    triggers(all);
    evictors(all);
    all.scenario("session-by", TimeWindows.keyed(all).window(EventTimeSessionWindows.withDynamicGap(new Gap())).process(new Contents<>()));
    all.scenario("custom", TimeWindows.keyed(all).window(new Widths()).process(new Contents<>()));
  }

  private static void counts(Scenarios all) throws Exception {
    all.scenario("count", TimeWindows.keyed(all).countWindow(3).process(new Contents<>()));
    all.scenario("count-sliding", TimeWindows.keyed(all).countWindow(5, 2).process(new Contents<>()));
    all.scenario(
        "global-count", TimeWindows.keyed(all).window(GlobalWindows.create()).trigger(CountTrigger.of(7)).process(new Contents<>()));
    all.scenario(
        "global-count-purging",
        TimeWindows.keyed(all).window(GlobalWindows.create()).trigger(PurgingTrigger.of(CountTrigger.of(7))).process(new Contents<>()));
    TypeSerializer<Rec> records = TypeInformation.of(Rec.class).createSerializer(all.env.getConfig().getSerializerConfig());
    all.scenario(
        "global-delta",
        TimeWindows.keyed(all)
            .window(GlobalWindows.create())
            .trigger(DeltaTrigger.of(60, (last, now) -> Math.abs(now.value - last.value), records))
            .process(new Contents<>()));
  }

  private static void triggers(Scenarios all) throws Exception {
    triggered(all, "tumbling-count-trigger", CountTrigger.of(3), 0);
    triggered(all, "tumbling-count-trigger-purging", PurgingTrigger.of(CountTrigger.of(3)), 0);
    triggered(all, "tumbling-early-late", new EarlyAtCount(3), 6);
    all.scenario(
        "tumbling-every",
        all.read("ordered.csv", "l")
            .keyBy(r -> r.key)
            .window(TumblingEventTimeWindows.of(TimeWindows.seconds(20)))
            .trigger(ContinuousEventTimeTrigger.of(TimeWindows.seconds(4)))
            .process(new Contents<>()));
    all.scenario(
        "global-own-trigger", TimeWindows.keyed(all).window(GlobalWindows.create()).trigger(new AtSum(200)).process(new Contents<>()));
    all.scenario(
        "session-count-trigger",
        TimeWindows.keyed(all)
            .window(EventTimeSessionWindows.withGap(TimeWindows.seconds(2)))
            .trigger(CountTrigger.of(2))
            .process(new Contents<>()));
    triggered(all, "tumbling-purging-lateness", PurgingTrigger.of(EventTimeTrigger.create()), 6);
  }

  private static void triggered(Scenarios all, String name, Trigger<Object, TimeWindow> trigger, long lateness) throws Exception {
    all.scenario(
        name,
        TimeWindows.keyed(all)
            .window(TumblingEventTimeWindows.of(TimeWindows.seconds(20)))
            .allowedLateness(TimeWindows.seconds(lateness))
            .trigger(trigger)
            .process(new Contents<>()));
  }

  private static void evictors(Scenarios all) throws Exception {
    all.scenario(
        "evict-count",
        TimeWindows.keyed(all).window(TumblingEventTimeWindows.of(TimeWindows.seconds(10))).evictor(CountEvictor.of(3)).process(new Contents<>()));
    all.scenario(
        "evict-time",
        TimeWindows.keyed(all)
            .window(TumblingEventTimeWindows.of(TimeWindows.seconds(10)))
            .evictor(TimeEvictor.of(TimeWindows.seconds(3)))
            .process(new Contents<>()));
    all.scenario(
        "evict-delta",
        TimeWindows.keyed(all)
            .window(TumblingEventTimeWindows.of(TimeWindows.seconds(10)))
            .evictor(DeltaEvictor.of(40, (one, last) -> Math.abs(one.value - last.value)))
            .process(new Contents<>()));
    all.scenario(
        "evict-lateness",
        TimeWindows.keyed(all)
            .window(TumblingEventTimeWindows.of(TimeWindows.seconds(10)))
            .allowedLateness(TimeWindows.seconds(4))
            .evictor(CountEvictor.of(2))
            .process(new Contents<>()));
  }

  /** A gap of a second, or of four after records with a large value. */
  private static final class Gap implements SessionWindowTimeGapExtractor<Rec> {
    @Override
    public long extract(Rec r) {
      return r.value > 50 ? 4000 : 1000;
    }
  }

  /** Each record in a window of 5 seconds, and those with an even value in one of 15 too. */
  private static final class Widths extends WindowAssigner<Object, TimeWindow> {
    @Override
    public Collection<TimeWindow> assignWindows(Object record, long at, WindowAssignerContext context) {
      List<TimeWindow> windows = new ArrayList<>();
      windows.add(new TimeWindow(at - Math.floorMod(at, 5000), at - Math.floorMod(at, 5000) + 5000));
      if (((Rec) record).value % 2 == 0) windows.add(new TimeWindow(at - Math.floorMod(at, 15000), at - Math.floorMod(at, 15000) + 15000));
      return windows;
    }

    @Override
    public Trigger<Object, TimeWindow> getDefaultTrigger() {
      return EventTimeTrigger.create();
    }

    @Override
    public TypeSerializer<TimeWindow> getWindowSerializer(ExecutionConfig config) {
      return new TimeWindow.Serializer();
    }

    @Override
    public boolean isEventTime() {
      return true;
    }
  }
}
