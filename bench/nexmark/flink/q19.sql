SELECT auction, bidder, price, channel, url, DATE_FORMAT(`at`, 'yyyy-MM-dd HH:mm:ss.SSS'), extra, place
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS place FROM bid)
WHERE place <= 10;
