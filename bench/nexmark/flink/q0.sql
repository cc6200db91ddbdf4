SELECT auction, bidder, price, DATE_FORMAT(`at`, 'yyyy-MM-dd HH:mm:ss.SSS'), extra FROM bid;
