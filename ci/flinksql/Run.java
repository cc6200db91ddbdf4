import java.io.BufferedWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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
 * which Flink emits them; a row that takes back an earlier one is an error, since a line can't be taken back. With
 * final=FOLDER the rows of each SELECT that are left at its end go to a file in there instead, in no order: 1 has those of the first
 * SELECT, 2 those of the second, and so on.
 */
public final class Run {
  private static final Pattern STATEMENT_END = Pattern.compile(";\\s*(\\n|$)");

  public static void main(String[] args) throws Exception {
    TableEnvironment env = TableEnvironment.create(EnvironmentSettings.newInstance().inStreamingMode().build());
    env.getConfig().set("parallelism.default", "1");
    env.getConfig().set("table.local-time-zone", "UTC");
    Path folder = finalFolder(args);
    int selects = 0;
    for (String statement : STATEMENT_END.split(script(args))) {
      if (statement.isBlank()) continue;
      TableResult result = env.executeSql(statement);
      if (!statement.strip().toUpperCase().startsWith("SELECT")) continue;
      if (folder == null) print(result);
      else writeFinal(result, folder.resolve("" + ++selects));
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

  /** Where the rows that are left go; null if all rows are printed. */
  private static Path finalFolder(String[] args) {
    for (String arg : args) if (arg.startsWith("final=")) return Path.of(arg.substring("final=".length()));
    return null;
  }

  /** Writes the rows that no later row takes back. */
  private static void writeFinal(TableResult result, Path file) throws Exception {
    Map<String, Integer> left = new HashMap<>();
    try (CloseableIterator<Row> it = result.collect()) {
      while (it.hasNext()) {
        Row row = it.next();
        boolean added = row.getKind() == RowKind.INSERT || row.getKind() == RowKind.UPDATE_AFTER;
        left.merge(fields(row), added ? 1 : -1, (a, b) -> a + b == 0 ? null : a + b);
      }
    }
    try (BufferedWriter out = Files.newBufferedWriter(file)) {
      for (Map.Entry<String, Integer> entry : left.entrySet()) {
        if (entry.getValue() < 0) throw new IllegalStateException("a row is taken back that was not there: " + entry.getKey());
        for (int i = 0; i < entry.getValue(); i++) out.append(entry.getKey()).append('\n');
      }
    }
    System.err.println(left.size() + " different rows are left from Flink SQL");
  }

  private static String line(Row row) {
    if (row.getKind() != RowKind.INSERT) throw new IllegalStateException("the query's result is not append-only: " + row);
    return fields(row);
  }

  private static String fields(Row row) {
    List<String> fields = new ArrayList<>();
    for (int i = 0; i < row.getArity(); i++) fields.add(row.getField(i) == null ? "" : row.getField(i).toString());
    return String.join(",", fields);
  }
}
