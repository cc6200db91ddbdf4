-- The events that `go run ./nexmark/events` has written to the folder ${dir}.
CREATE TABLE person (
  id BIGINT, name STRING, email STRING, creditCard STRING, city STRING, state STRING, `at` TIMESTAMP(3), extra STRING,
  WATERMARK FOR `at` AS `at` - INTERVAL '4' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${dir}/persons.csv', 'format' = 'csv');

CREATE TABLE auction (
  id BIGINT, item STRING, description STRING, initialBid BIGINT, reserve BIGINT, `at` TIMESTAMP(3), expires TIMESTAMP(3),
  seller BIGINT, category BIGINT, extra STRING,
  WATERMARK FOR `at` AS `at` - INTERVAL '4' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${dir}/auctions.csv', 'format' = 'csv');

CREATE TABLE bid (
  auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, `at` TIMESTAMP(3), extra STRING,
  WATERMARK FOR `at` AS `at` - INTERVAL '4' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${dir}/bids.csv', 'format' = 'csv');

