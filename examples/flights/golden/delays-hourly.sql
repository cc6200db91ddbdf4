-- Delays per origin and hour of the scheduled departure: the oracle of the job's tumbling window.
-- ${flights} is the data's CSV without its header; ci/flinksql/golden.sh fills it in.
CREATE TABLE flights (
  sched_dep STRING, carrier STRING, flight INT, tailnum STRING, origin STRING, dest STRING,
  dep_delay BIGINT, arr_delay BIGINT, air_time BIGINT, distance BIGINT,
  ts AS TO_TIMESTAMP(sched_dep, 'yyyy-MM-dd''T''HH:mm:ss''Z'''),
  WATERMARK FOR ts AS ts
) WITH ('connector' = 'filesystem', 'path' = 'file://${flights}', 'format' = 'csv', 'csv.null-literal' = '');

SELECT
  DATE_FORMAT(window_start, 'yyyy-MM-dd''T''HH:mm:ss''Z''') AS window_start,
  origin,
  COUNT(*) AS flights,
  COUNT(dep_delay) AS departed,
  SUM(dep_delay) AS delay_sum,
  MAX(dep_delay) AS delay_max
FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(ts), INTERVAL '1' HOUR))
GROUP BY window_start, window_end, origin;
