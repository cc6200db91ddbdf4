SELECT auction, bidder, 0.908 * price, DATE_FORMAT(`at`, 'yyyy-MM-dd HH:mm:ss.SSS'), extra FROM bid;
