package bench;

import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.api.java.tuple.Tuple5;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** What the jobs do with a record or a window. Results reuse one object, as the jobs run with object reuse. */
final class Functions {
  private Functions() {}

  static final class RunningCount extends KeyedProcessFunction<Long, Long, Tuple2<Long, Long>> {
    private transient ValueState<Long> state;
    private final Tuple2<Long, Long> result = new Tuple2<>();

    @Override
    public void open(OpenContext context) {
      state = getRuntimeContext().getState(new ValueStateDescriptor<>("c", Types.LONG));
    }

    @Override
    public void processElement(Long key, Context context, Collector<Tuple2<Long, Long>> out) throws Exception {
      Long old = state.value();
      Long count = old == null ? 1L : old + 1;
      state.update(count);
      result.f0 = key;
      result.f1 = count;
      out.collect(result);
    }
  }

  /** Heap only: the counter is changed in place, one hash look-up an event and no boxing. */
  static final class MutableCount extends KeyedProcessFunction<Long, Long, Tuple2<Long, Long>> {
    private transient ValueState<long[]> state;
    private final Tuple2<Long, Long> result = new Tuple2<>();

    @Override
    public void open(OpenContext context) {
      state = getRuntimeContext().getState(new ValueStateDescriptor<>("c", PrimitiveArrayTypeInfo.LONG_PRIMITIVE_ARRAY_TYPE_INFO));
    }

    @Override
    public void processElement(Long key, Context context, Collector<Tuple2<Long, Long>> out) throws Exception {
      long[] count = state.value();
      if (count == null) {
        count = new long[1];
        state.update(count);
      }
      result.f0 = key;
      result.f1 = ++count[0];
      out.collect(result);
    }
  }

  /** A value is an 8-byte little-endian counter, then bytes that do not compress: 100 in all. */
  static final class ReadModifyWrite extends KeyedProcessFunction<Long, Long, Tuple2<Long, Long>> {
    private transient ValueState<byte[]> state;
    private final Tuple2<Long, Long> result = new Tuple2<>();

    @Override
    public void open(OpenContext context) {
      state = getRuntimeContext().getState(new ValueStateDescriptor<>("v", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
    }

    @Override
    public void processElement(Long key, Context context, Collector<Tuple2<Long, Long>> out) throws Exception {
      byte[] value = state.value();
      if (value == null) value = first(key);
      long count = 0;
      for (int i = 0; i < 8; i++) count |= (value[i] & 0xFFL) << (8 * i);
      count++;
      for (int i = 0; i < 8; i++) value[i] = (byte) (count >>> (8 * i));
      state.update(value);
      result.f0 = key;
      result.f1 = count;
      out.collect(result);
    }

    private static byte[] first(long key) {
      byte[] value = new byte[100];
      long bits = key;
      for (int i = 8; i < 100; i++) {
        value[i] = (byte) bits;
        bits = (bits >>> 8) | (bits << 56);
        if ((i & 7) == 7) bits = Gen.mix(bits);
      }
      return value;
    }
  }

  /** An accumulator; public, with public fields, so that Flink takes it for a POJO and Kryo stays out. */
  public static final class Stats {
    public long sum, count, max;

    public Stats() {}
  }

  static final class SumCountMax implements AggregateFunction<Tuple2<Long, Long>, Stats, Stats> {
    @Override
    public Stats createAccumulator() {
      return new Stats();
    }

    @Override
    public Stats add(Tuple2<Long, Long> event, Stats stats) {
      long value = event.f1;
      stats.sum += value;
      stats.count++;
      if (value > stats.max) stats.max = value;
      return stats;
    }

    @Override
    public Stats getResult(Stats stats) {
      return stats;
    }

    @Override
    public Stats merge(Stats a, Stats b) {
      a.sum += b.sum;
      a.count += b.count;
      a.max = Math.max(a.max, b.max);
      return a;
    }
  }

  static final class EmitStats extends ProcessWindowFunction<Stats, Tuple5<Long, Long, Long, Long, Long>, Long, TimeWindow> {
    private final Tuple5<Long, Long, Long, Long, Long> result = new Tuple5<>();

    @Override
    public void process(Long key, Context context, Iterable<Stats> pane, Collector<Tuple5<Long, Long, Long, Long, Long>> out) {
      Stats stats = pane.iterator().next();
      result.f0 = key;
      result.f1 = context.window().getEnd();
      result.f2 = stats.sum;
      result.f3 = stats.count;
      result.f4 = stats.max;
      out.collect(result);
    }
  }

  static final class Count implements AggregateFunction<Long, Long, Long> {
    @Override
    public Long createAccumulator() {
      return 0L;
    }

    @Override
    public Long add(Long key, Long count) {
      return count + 1;
    }

    @Override
    public Long getResult(Long count) {
      return count;
    }

    @Override
    public Long merge(Long a, Long b) {
      return a + b;
    }
  }

  static final class EmitCount extends ProcessWindowFunction<Long, Tuple3<Long, Long, Long>, Long, TimeWindow> {
    private final Tuple3<Long, Long, Long> result = new Tuple3<>();

    @Override
    public void process(Long key, Context context, Iterable<Long> pane, Collector<Tuple3<Long, Long, Long>> out) {
      result.f0 = key;
      result.f1 = context.window().getEnd();
      result.f2 = pane.iterator().next();
      out.collect(result);
    }
  }
}
