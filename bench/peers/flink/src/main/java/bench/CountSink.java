package bench;

import java.io.Serializable;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

/** Counts results and adds up one number of each (the check that engines agree), then drops them. */
public final class CountSink<T> implements Sink<T> {
  /** The number of a result that is added up. */
  public interface Number<T> extends Serializable {
    long of(T result);
  }

  private final Number<T> number;

  CountSink(Number<T> number) {
    this.number = number;
  }

  @Override
  public SinkWriter<T> createWriter(WriterInitContext context) {
    return new Writer<>(number);
  }

  private static final class Writer<T> implements SinkWriter<T> {
    private final Number<T> number;
    private long out, sum, beat, longest;

    Writer(Number<T> number) {
      this.number = number;
    }

    @Override
    public void write(T result, Context context) {
      if ((out & 63) == 0) beat();
      out++;
      sum += number.of(result);
    }

    private void beat() {
      if (out == 0) Meter.sinkBegan();
      long now = System.nanoTime();
      if (beat != 0 && Meter.millisSinceStart() > 0) longest = Math.max(longest, now - beat);
      beat = now;
    }

    @Override
    public void flush(boolean endOfInput) {
      if (!endOfInput) return;
      Meter.paused(longest);
      Meter.sinkEnded(out, sum);
      out = sum = 0;
    }

    @Override
    public void close() {}
  }
}
