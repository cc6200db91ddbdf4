SELECT B.auction, B.price, B.bidder, DATE_FORMAT(B.`at`, 'yyyy-MM-dd HH:mm:ss.SSS'), B.extra
FROM bid B
JOIN (
  SELECT MAX(price) AS highest, window_end AS `until`
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`at`), INTERVAL '10' SECOND))
  GROUP BY window_start, window_end
) M
ON B.price = M.highest
WHERE B.`at` BETWEEN M.`until` - INTERVAL '10' SECOND AND M.`until`;
