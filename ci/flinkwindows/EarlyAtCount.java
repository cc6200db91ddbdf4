import org.apache.flink.api.common.state.ReducingState;
import org.apache.flink.api.common.state.ReducingStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.windowing.triggers.Trigger;
import org.apache.flink.streaming.api.windowing.triggers.TriggerResult;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;

/** Fires after each so many records, at the window's end, and for each late record. */
final class EarlyAtCount extends Trigger<Object, TimeWindow> {
  private final long count;
  private final ReducingStateDescriptor<Long> since = new ReducingStateDescriptor<>("since", Long::sum, Types.LONG);

  EarlyAtCount(long count) {
    this.count = count;
  }

  @Override
  public TriggerResult onElement(Object record, long at, TimeWindow window, TriggerContext context) throws Exception {
    if (window.maxTimestamp() <= context.getCurrentWatermark()) return TriggerResult.FIRE;
    context.registerEventTimeTimer(window.maxTimestamp());
    ReducingState<Long> n = context.getPartitionedState(since);
    n.add(1L);
    if (n.get() < count) return TriggerResult.CONTINUE;
    n.clear();
    return TriggerResult.FIRE;
  }

  @Override
  public TriggerResult onEventTime(long at, TimeWindow window, TriggerContext context) {
    return at == window.maxTimestamp() ? TriggerResult.FIRE : TriggerResult.CONTINUE;
  }

  @Override
  public TriggerResult onProcessingTime(long at, TimeWindow window, TriggerContext context) {
    return TriggerResult.CONTINUE;
  }

  @Override
  public void clear(TimeWindow window, TriggerContext context) {
    context.deleteEventTimeTimer(window.maxTimestamp());
    context.getPartitionedState(since).clear();
  }
}
