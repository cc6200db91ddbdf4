import org.apache.flink.api.common.state.ReducingState;
import org.apache.flink.api.common.state.ReducingStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.windowing.triggers.Trigger;
import org.apache.flink.streaming.api.windowing.triggers.TriggerResult;
import org.apache.flink.streaming.api.windowing.windows.GlobalWindow;

/** Fires, and drops what is in the window, when the sum of the values has reached a limit. */
final class AtSum extends Trigger<Object, GlobalWindow> {
  private final long limit;
  private final ReducingStateDescriptor<Long> sum = new ReducingStateDescriptor<>("sum", Long::sum, Types.LONG);

  AtSum(long limit) {
    this.limit = limit;
  }

  @Override
  public TriggerResult onElement(Object record, long at, GlobalWindow window, TriggerContext context) throws Exception {
    ReducingState<Long> total = context.getPartitionedState(sum);
    total.add(((Rec) record).value);
    if (total.get() < limit) return TriggerResult.CONTINUE;
    total.clear();
    return TriggerResult.FIRE_AND_PURGE;
  }

  @Override
  public TriggerResult onEventTime(long at, GlobalWindow window, TriggerContext context) {
    return TriggerResult.CONTINUE;
  }

  @Override
  public TriggerResult onProcessingTime(long at, GlobalWindow window, TriggerContext context) {
    return TriggerResult.CONTINUE;
  }

  @Override
  public void clear(GlobalWindow window, TriggerContext context) {
    context.getPartitionedState(sum).clear();
  }
}
