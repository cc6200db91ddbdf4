package bench;

import java.io.Serializable;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** A source without splits: every reader makes its stride of events 0..n-1 in this process, 32 events a poll. */
public final class GenSource<T> implements Source<T, GenSource.NoSplit, Void> {
  /** Emits event i. */
  public interface Emit<T> extends Serializable {
    void emit(long i, ReaderOutput<T> out);
  }

  /** Makes one Emit a reader, so that the event object that it reuses is not shared between threads. */
  public interface EmitFactory<T> extends Serializable {
    Emit<T> create();
  }

  private static final int POLL = 32;
  private final long events, warm;
  private final EmitFactory<T> factory;

  GenSource(long events, long warm, EmitFactory<T> factory) {
    this.events = events;
    this.warm = warm;
    this.factory = factory;
  }

  @Override
  public Boundedness getBoundedness() {
    return Boundedness.BOUNDED;
  }

  @Override
  public SourceReader<T, NoSplit> createReader(SourceReaderContext context) {
    return new Reader<>(context, events, warm, factory.create());
  }

  @Override
  public SplitEnumerator<NoSplit, Void> createEnumerator(SplitEnumeratorContext<NoSplit> context) {
    return new NoEnumerator();
  }

  @Override
  public SplitEnumerator<NoSplit, Void> restoreEnumerator(SplitEnumeratorContext<NoSplit> context, Void state) {
    return new NoEnumerator();
  }

  @Override
  public SimpleVersionedSerializer<NoSplit> getSplitSerializer() {
    return new Nothing<>();
  }

  @Override
  public SimpleVersionedSerializer<Void> getEnumeratorCheckpointSerializer() {
    return new Nothing<>();
  }

  private static final class Reader<T> implements SourceReader<T, NoSplit> {
    private final long events, warm;
    private final int stride;
    private final Emit<T> emit;
    private long next;
    private boolean metered; // the first subtask's reader starts the clock

    Reader(SourceReaderContext context, long events, long warm, Emit<T> emit) {
      this.events = events;
      this.warm = warm;
      this.emit = emit;
      stride = context.currentParallelism();
      next = context.getIndexOfSubtask();
      metered = next != 0;
    }

    @Override
    public InputStatus pollNext(ReaderOutput<T> out) {
      if (!metered && next >= warm) {
        metered = true;
        Meter.start();
      }
      long i = next;
      for (int count = 0; count < POLL; count++, i += stride) {
        if (i >= events) {
          next = i;
          return InputStatus.END_OF_INPUT;
        }
        emit.emit(i, out);
      }
      next = i;
      return InputStatus.MORE_AVAILABLE;
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public List<NoSplit> snapshotState(long checkpoint) {
      return List.of();
    }

    @Override
    public void start() {}

    @Override
    public void addSplits(List<NoSplit> splits) {}

    @Override
    public void notifyNoMoreSplits() {}

    @Override
    public void close() {}
  }

  private static final class NoEnumerator implements SplitEnumerator<NoSplit, Void> {
    @Override
    public void start() {}

    @Override
    public void handleSplitRequest(int subtask, String host) {}

    @Override
    public void addSplitsBack(List<NoSplit> splits, int subtask) {}

    @Override
    public void addReader(int subtask) {}

    @Override
    public Void snapshotState(long checkpoint) {
      return null;
    }

    @Override
    public void close() {}
  }

  public static final class NoSplit implements SourceSplit {
    @Override
    public String splitId() {
      return "0";
    }
  }

  private static final class Nothing<X> implements SimpleVersionedSerializer<X> {
    @Override
    public int getVersion() {
      return 0;
    }

    @Override
    public byte[] serialize(X value) {
      return new byte[0];
    }

    @Override
    public X deserialize(int version, byte[] bytes) {
      return null;
    }
  }
}
