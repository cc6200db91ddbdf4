import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.CloseableIterator;

/**
 * Runs a Flink SQL script in this process, at parallelism 1 and in UTC.
 *
 * <p>Arguments: SCRIPT.sql [name=value ...]. Each statement ends with ';' at a line's end, and each ${name} in it stands for the
 * argument's value. The rows of a SELECT go to standard output, fields joined by commas and NULL as nothing, in the order in
 * which Flink emits them; a row that takes back an earlier one is an error, since a line can't be taken back.
 */
public final class Run {
  private static final Pattern STATEMENT_END = Pattern.compile(";\\s*(\\n|$)");

  public static void main(String[] args) throws Exception {
    TableEnvironment env = TableEnvironment.create(EnvironmentSettings.newInstance().inStreamingMode().build());
    env.getConfig().set("parallelism.default", "1");
    env.getConfig().set("table.local-time-zone", "UTC");
    for (String statement : STATEMENT_END.split(script(args))) {
      if (statement.isBlank()) continue;
      TableResult result = env.executeSql(statement);
      if (statement.strip().toUpperCase().startsWith("SELECT")) print(result);
    }
  }

  /** The script of args[0], with the variables of the other arguments filled in. */
  private static String script(String[] args) throws Exception {
    String script = Files.readString(Path.of(args[0]));
    for (int i = 1; i < args.length; i++) {
      String[] variable = args[i].split("=", 2);
      script = script.replace("${" + variable[0] + "}", variable[1]);
    }
    return script;
  }

  private static void print(TableResult result) throws Exception {
    int rows = 0;
    try (CloseableIterator<Row> it = result.collect()) {
      for (; it.hasNext(); rows++) System.out.println(line(it.next()));
    }
    System.err.println(rows + " rows from Flink SQL");
  }

  private static String line(Row row) {
    if (row.getKind() != RowKind.INSERT) throw new IllegalStateException("the query's result is not append-only: " + row);
    List<String> fields = new ArrayList<>();
    for (int i = 0; i < row.getArity(); i++) fields.add(row.getField(i) == null ? "" : row.getField(i).toString());
    return String.join(",", fields);
  }
}
