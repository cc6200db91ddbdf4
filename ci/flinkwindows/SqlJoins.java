/** Joins that Flink has in SQL only: the outer ones, and those with versions. */
final class SqlJoins {
  static void add(Scenarios all) throws Exception {
    Sql sql = new Sql(all, "UTC");
    for (String kind : new String[] {"INNER", "LEFT", "RIGHT", "FULL"}) {
      windowed(all, sql, kind);
      between(all, sql, kind);
    }
    anti(all, sql);
    versioned(all, sql, "INNER");
    versioned(all, sql, "LEFT");
  }

  /** Makes tables of both sides, for one scenario alone, and gives their names to a query in place of $l and $r. */
  private static void scenario(Scenarios all, Sql sql, String name, String query) throws Exception {
    String table = name.replace('-', '_');
    sql.table(table + "_l", Joins.left(all));
    sql.table(table + "_r", Joins.right(all));
    all.scenario(name, sql.lines(query.replace("$l", table + "_l").replace("$r", table + "_r")));
  }

  private static String windows(String side) {
    return "(SELECT * FROM TABLE(TUMBLE(TABLE $" + side + ", DESCRIPTOR(ts), INTERVAL '5' SECOND))) " + side;
  }

  private static void windowed(Scenarios all, Sql sql, String kind) throws Exception {
    scenario(
        all,
        sql,
        "sql-window-join-" + kind.toLowerCase(),
        "SELECT l.`key`, l.`value`, l.`at`, r.`key`, r.`value`, r.`at` FROM " + windows("l") + " " + kind + " JOIN " + windows("r")
            + " ON l.`key` = r.`key` AND l.window_start = r.window_start AND l.window_end = r.window_end");
  }

  private static void anti(Scenarios all, Sql sql) throws Exception {
    scenario(
        all,
        sql,
        "sql-window-join-anti",
        "SELECT l.`key`, l.`value`, l.`at` FROM " + windows("l") + " WHERE l.`key` NOT IN (SELECT r.`key` FROM " + windows("r")
            + " WHERE l.window_start = r.window_start AND l.window_end = r.window_end)");
  }

  private static void between(Scenarios all, Sql sql, String kind) throws Exception {
    scenario(
        all,
        sql,
        "sql-interval-join-" + kind.toLowerCase(),
        "SELECT l.`key`, l.`value`, l.`at`, r.`key`, r.`value`, r.`at` FROM $l l " + kind + " JOIN $r r"
            + " ON l.`key` = r.`key` AND r.ts BETWEEN l.ts - INTERVAL '1' SECOND AND l.ts + INTERVAL '3' SECOND");
  }

  /** Each record of the left side with what was the latest of the right one at its time. */
  private static void versioned(Scenarios all, Sql sql, String kind) throws Exception {
    String name = "sql-temporal-join-" + kind.toLowerCase();
    String table = name.replace('-', '_');
    sql.table(table + "_l", Joins.left(all));
    sql.versions(table + "_r", Joins.right(all));
    all.scenario(
        name,
        sql.lines(
            "SELECT l.`key`, l.`value`, l.`at`, r.`value`, r.`at` FROM " + table + "_l AS l " + kind + " JOIN " + table
                + "_r FOR SYSTEM_TIME AS OF l.ts AS r ON l.`key` = r.`key`"));
  }
}
