package bench;

import java.util.List;

/** The SQL of the workloads. */
final class Queries {
  private Queries() {}

  /** A query, the columns of the table that it fills, and which of these the sink adds up. */
  record Query(String columns, String select, int... summed) {}

  private static final String GEN = ") WITH ('connector'='gen')";
  private static final String TIMED_GEN = ", WATERMARK FOR ts AS ts - INTERVAL '1' SECOND" + GEN;

  static boolean isNexmark(String workload) {
    return workload.startsWith("W5");
  }

  /** The statements that make the tables a workload reads. */
  static List<String> sources(String workload) {
    if (!isNexmark(workload)) return List.of("CREATE TABLE src (k BIGINT, v BIGINT, ts TIMESTAMP(3)" + (workload.equals("W1") ? GEN : TIMED_GEN));
    return List.of(
        "CREATE TABLE ev (etype INT, id BIGINT, who BIGINT, num BIGINT, expires TIMESTAMP(3), str STRING, ts TIMESTAMP(3)" + TIMED_GEN,
        "CREATE VIEW person AS SELECT id, str AS name, ts FROM ev WHERE etype = " + Nexmark.PERSON,
        "CREATE VIEW auction AS SELECT id, who AS seller, num AS category, expires, ts FROM ev WHERE etype = " + Nexmark.AUCTION,
        "CREATE VIEW bid AS SELECT id AS auction, who AS bidder, num AS price, str AS extra, ts FROM ev WHERE etype = " + Nexmark.BID);
  }

  static Query of(String workload) {
    return switch (workload) {
      case "W1" -> new Query("k BIGINT, c BIGINT, PRIMARY KEY (k) NOT ENFORCED", "SELECT k, COUNT(*) FROM src GROUP BY k", 1);
      case "W2" -> new Query("k BIGINT, we TIMESTAMP(3), s BIGINT, c BIGINT, m BIGINT", """
          SELECT k, window_end, SUM(v), COUNT(*), MAX(v)
          FROM TABLE(TUMBLE(TABLE src, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY k, window_start, window_end""", 2, 3, 4);
      case "W3" -> new Query("k BIGINT, we TIMESTAMP(3), c BIGINT", """
          SELECT k, window_end, COUNT(*)
          FROM TABLE(HOP(TABLE src, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '60' SECOND)) GROUP BY k, window_start, window_end""", 2);
      case "W4" -> new Query("k BIGINT, we TIMESTAMP(3), c BIGINT", """
          SELECT k, window_end, COUNT(*)
          FROM TABLE(SESSION(TABLE src PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY k, window_start, window_end""", 2);
      case "W5q4" -> WINNING_BIDS;
      case "W5q5" -> HOT_AUCTIONS;
      case "W5q7" -> HIGHEST_BIDS;
      case "W5q7w" -> HIGHEST_BIDS_OF_WINDOW;
      case "W5q8" -> NEW_SELLERS;
      default -> throw new IllegalArgumentException("Flink SQL does not run workload " + workload);
    };
  }

  /** Nexmark q4: the mean of the winning bids of a category. */
  private static final Query WINNING_BIDS = new Query("id BIGINT, final BIGINT, PRIMARY KEY (id) NOT ENFORCED", """
      SELECT Q.category, AVG(Q.final)
      FROM (SELECT MAX(B.price) AS final, A.category FROM auction A, bid B
        WHERE A.id = B.auction AND B.ts BETWEEN A.ts AND A.expires GROUP BY A.id, A.category) Q
      GROUP BY Q.category""", 1);

  private static final String BID_COUNTS = """
      (SELECT auction, COUNT(*) AS num, window_start, window_end
       FROM TABLE(HOP(TABLE bid, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end)""";

  /** Nexmark q5: the auctions with the most bids in 10 seconds, every 2. */
  private static final Query HOT_AUCTIONS = new Query("auction BIGINT, num BIGINT",
      "SELECT A.auction, A.num FROM " + BID_COUNTS + " A JOIN (SELECT MAX(num) AS maxn, window_start, window_end FROM " + BID_COUNTS
          + " GROUP BY window_start, window_end) M"
          + " ON A.window_start = M.window_start AND A.window_end = M.window_end AND A.num >= M.maxn", 1);

  private static final String BID_COLUMNS = "auction BIGINT, bidder BIGINT, price BIGINT, ts TIMESTAMP(3), extra STRING";

  /** Nexmark q7 as published: a regular join, whose state holds every bid for ever. */
  private static final Query HIGHEST_BIDS = new Query(BID_COLUMNS, """
      SELECT B.auction, B.bidder, B.price, B.ts, B.extra
      FROM bid B JOIN (SELECT MAX(price) AS maxprice, window_end AS we
        FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end) M
      ON B.price = M.maxprice WHERE B.ts BETWEEN M.we - INTERVAL '10' SECOND AND M.we""", 2);

  /** The same answer as a window join, whose state is one window. */
  private static final Query HIGHEST_BIDS_OF_WINDOW = new Query(BID_COLUMNS, """
      SELECT B.auction, B.bidder, B.price, B.ts, B.extra
      FROM (SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '10' SECOND))) B
      JOIN (SELECT MAX(price) AS maxprice, window_start, window_end
        FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end) M
      ON B.window_start = M.window_start AND B.window_end = M.window_end AND B.price = M.maxprice""", 2);

  /** Nexmark q8: the people who arrived and opened an auction in the same 10 seconds. */
  private static final Query NEW_SELLERS = new Query("id BIGINT, name STRING, st TIMESTAMP(3)", """
      SELECT P.id, P.name, P.window_start
      FROM (SELECT id, name, window_start, window_end
        FROM TABLE(TUMBLE(TABLE person, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY id, name, window_start, window_end) P
      JOIN (SELECT seller, window_start, window_end
        FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY seller, window_start, window_end) A
      ON P.id = A.seller AND P.window_start = A.window_start AND P.window_end = A.window_end""");
}
