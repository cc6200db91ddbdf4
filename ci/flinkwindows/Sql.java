import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;

/** Flink SQL over the same inputs. */
final class Sql {
  private final StreamTableEnvironment tables;

  Sql(Scenarios all, String zone) {
    tables = StreamTableEnvironment.create(all.env);
    tables.getConfig().set("table.local-time-zone", zone);
  }

  /** A table with the columns key, value, at and ts, which is the event time; the stream's watermarks are the table's. */
  void table(String name, DataStream<Rec> records) {
    tables.createTemporaryView(name, records, columns(Schema.newBuilder()).build());
  }

  /** The same with what each key's latest row says, and said before: a table of versions. */
  void versions(String name, DataStream<Rec> records) {
    DataStream<Row> rows =
        records
            .map(r -> Row.ofKind(RowKind.UPDATE_AFTER, r.key, r.value, r.at))
            .returns(Types.ROW_NAMED(new String[] {"key", "value", "at"}, Types.STRING, Types.LONG, Types.LONG));
    Schema schema =
        Schema.newBuilder()
            .column("key", "STRING NOT NULL")
            .column("value", "BIGINT")
            .column("at", "BIGINT")
            .columnByMetadata("ts", DataTypes.TIMESTAMP_LTZ(3), "rowtime")
            .watermark("ts", "SOURCE_WATERMARK()")
            .primaryKey("key")
            .build();
    tables.createTemporaryView(name, tables.fromChangelogStream(rows, schema, ChangelogMode.upsert()));
  }

  private static Schema.Builder columns(Schema.Builder schema) {
    return schema
        .column("key", "STRING")
        .column("value", "BIGINT")
        .column("at", "BIGINT")
        .columnByMetadata("ts", DataTypes.TIMESTAMP_LTZ(3), "rowtime")
        .watermark("ts", "SOURCE_WATERMARK()");
  }

  /** A query's rows as lines: fields with spaces between, times in milliseconds, NULL as -. */
  DataStream<String> lines(String query) {
    return tables.toDataStream(tables.sqlQuery(query)).map(Sql::line);
  }

  private static String line(Row row) {
    List<String> fields = new ArrayList<>();
    for (int i = 0; i < row.getArity(); i++) fields.add(text(row.getField(i)));
    return Contents.join(fields);
  }

  private static String text(Object field) {
    if (field == null) return "-";
    if (field instanceof LocalDateTime time) return Long.toString(time.toInstant(ZoneOffset.UTC).toEpochMilli());
    if (field instanceof Instant time) return Long.toString(time.toEpochMilli());
    return field.toString();
  }
}
