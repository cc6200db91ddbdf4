package bench;

import java.util.Set;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.SourceProvider;
import org.apache.flink.table.data.BoxedWrapperRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.types.RowKind;

/** The workloads as Flink SQL. The connectors 'gen' and 'count' hand internal rows over without conversion. */
public final class Sql {
  // Flink creates the connectors itself, by name, so that they find the run's settings here.
  private static Settings settings;
  private static Queries.Query query;

  private Sql() {}

  static void run(Settings s) throws Exception {
    settings = s;
    query = Queries.of(s.workload);
    if (s.engine.contains("mb")) {
      s.flink.setString("table.exec.mini-batch.enabled", "true");
      s.flink.setString("table.exec.mini-batch.allow-latency", "1 s");
      s.flink.setString("table.exec.mini-batch.size", "20000");
    }
    s.flink.setString("table.local-time-zone", "UTC");
    StreamTableEnvironment tables = StreamTableEnvironment.create(StreamExecutionEnvironment.createLocalEnvironment(s.flink));
    for (String statement : Queries.sources(s.workload)) tables.executeSql(statement);
    tables.executeSql("CREATE TABLE snk (" + query.columns() + ") WITH ('connector'='count')");
    String insert = "INSERT INTO snk " + query.select();
    if (s.explain) System.err.println(tables.explainSql(insert));
    tables.executeSql(insert).await();
  }

  public static final class GenFactory implements DynamicTableSourceFactory {
    @Override
    public String factoryIdentifier() {
      return "gen";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
      return Set.of();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
      return Set.of();
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
      return new Scan();
    }
  }

  private static final class Scan implements ScanTableSource {
    @Override
    public ChangelogMode getChangelogMode() {
      return ChangelogMode.insertOnly();
    }

    @Override
    public DynamicTableSource copy() {
      return this;
    }

    @Override
    public String asSummaryString() {
      return "gen";
    }

    @Override
    public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
      final Gen gen = settings.gen;
      GenSource.EmitFactory<RowData> rows = Queries.isNexmark(settings.workload) ? () -> new NexmarkRows(gen.rate) : () -> new KeyRows(gen);
      return SourceProvider.of(new GenSource<>(settings.events, settings.warm, rows));
    }
  }

  private static final class KeyRows implements GenSource.Emit<RowData> {
    private final Gen gen;
    private final BoxedWrapperRowData row = new BoxedWrapperRowData(3);

    KeyRows(Gen gen) {
      this.gen = gen;
    }

    @Override
    public void emit(long i, ReaderOutput<RowData> out) {
      row.setLong(0, gen.key(i));
      row.setLong(1, Gen.value(i));
      row.setNonPrimitiveValue(2, TimestampData.fromEpochMillis(gen.time(i)));
      out.collect(row);
    }
  }

  private static final class NexmarkRows implements GenSource.Emit<RowData> {
    private final double rate;
    private final Nexmark event = new Nexmark();
    private final BoxedWrapperRowData row = new BoxedWrapperRowData(7);
    private final StringData[] pool = new StringData[16];

    NexmarkRows(double rate) {
      this.rate = rate;
      for (int i = 0; i < pool.length; i++) pool[i] = StringData.fromString("extra text of some forty characters, no " + (10 + i));
    }

    @Override
    public void emit(long i, ReaderOutput<RowData> out) {
      event.fill(i, rate);
      row.setInt(0, event.kind);
      row.setLong(1, event.id);
      row.setLong(2, event.ref);
      row.setLong(3, event.number);
      TimestampData time = TimestampData.fromEpochMillis(event.time);
      row.setNonPrimitiveValue(4, event.expires == event.time ? time : TimestampData.fromEpochMillis(event.expires));
      row.setNonPrimitiveValue(5, pool[event.text]);
      row.setNonPrimitiveValue(6, time);
      out.collect(row);
    }
  }

  public static final class CountFactory implements DynamicTableSinkFactory {
    @Override
    public String factoryIdentifier() {
      return "count";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
      return Set.of();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
      return Set.of();
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
      return new Count();
    }
  }

  private static final class Count implements DynamicTableSink {
    /** As the blackhole connector: no UPDATE_BEFORE wanted. */
    @Override
    public ChangelogMode getChangelogMode(ChangelogMode requested) {
      ChangelogMode.Builder mode = ChangelogMode.newBuilder();
      for (RowKind kind : requested.getContainedKinds()) {
        if (kind != RowKind.UPDATE_BEFORE) mode.addContainedKind(kind);
      }
      return mode.build();
    }

    @Override
    public DynamicTableSink copy() {
      return this;
    }

    @Override
    public String asSummaryString() {
      return "count";
    }

    @Override
    public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
      final int[] fields = query.summed();
      return SinkV2Provider.of(new CountSink<RowData>(row -> {
        long sum = 0;
        for (int field : fields) sum += row.getLong(field);
        return sum;
      }));
    }
  }
}
