/** Windows that Flink has in SQL only, and some of which it has both ways. */
final class SqlWindows {
  private static final String COUNTED =
      "SELECT `key`, window_start, window_end, COUNT(*), SUM(`value`), MIN(`value`), MAX(`value`), COUNT(DISTINCT `value`) FROM TABLE(%s) "
          + "GROUP BY `key`, window_start, window_end";

  static void add(Scenarios all) throws Exception {
    Sql sql = new Sql(all, "UTC");
    counted(all, sql, "sql-tumble", "TUMBLE(TABLE sql_tumble, DESCRIPTOR(ts), INTERVAL '5' SECOND)");
    counted(all, sql, "sql-tumble-offset", "TUMBLE(TABLE sql_tumble_offset, DESCRIPTOR(ts), INTERVAL '7' SECOND, INTERVAL '3' SECOND)");
    counted(all, sql, "sql-hop", "HOP(TABLE sql_hop, DESCRIPTOR(ts), INTERVAL '4' SECOND, INTERVAL '12' SECOND)");
    counted(all, sql, "sql-cumulate", "CUMULATE(TABLE sql_cumulate, DESCRIPTOR(ts), INTERVAL '4' SECOND, INTERVAL '20' SECOND)");
    counted(all, sql, "sql-session", "SESSION(TABLE sql_session PARTITION BY `key`, DESCRIPTOR(ts), INTERVAL '2' SECOND)");
    top(all, sql);
    days(all);
  }

  private static void counted(Scenarios all, Sql sql, String name, String windows) throws Exception {
    sql.table(name.replace('-', '_'), all.clicks());
    all.scenario(name, sql.lines(String.format(COUNTED, windows)));
  }

  /** The two keys with the largest sums in each window. */
  private static void top(Scenarios all, Sql sql) throws Exception {
    sql.table("sql_top", all.clicks());
    all.scenario(
        "sql-top",
        sql.lines(
            "SELECT window_end, place, `key`, total FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC, `key`) AS place"
                + " FROM (SELECT `key`, window_start, window_end, SUM(`value`) AS total"
                + " FROM TABLE(TUMBLE(TABLE sql_top, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY `key`, window_start, window_end)) WHERE place <= 2"));
  }

  /** Calendar days of Berlin around the two changes of the clock; the times of windows are local. */
  private static void days(Scenarios all) throws Exception {
    Sql sql = new Sql(all, "Europe/Berlin");
    sql.table("sql_days", all.read("days.csv", "l"));
    all.scenario("sql-days", sql.lines(String.format(COUNTED, "TUMBLE(TABLE sql_days, DESCRIPTOR(ts), INTERVAL '1' DAY)")));
  }
}
