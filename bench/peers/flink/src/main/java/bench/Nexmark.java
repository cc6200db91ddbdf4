package bench;

import java.io.Serializable;

/**
 * A lean Nexmark event: proportions (1 person, 3 auctions, 46 bids), hot ratios and expiry follow the public generator's
 * configuration; text is an index into a small pool, so that making it costs nothing. bench/kit/nexmark.go holds the same function.
 */
public final class Nexmark implements Serializable {
  static final int PERSON = 0, AUCTION = 1, BID = 2;
  private static final long FIRST_ID = 1000;
  private static final int HOT_AUCTION = 2, HOT_SELLER = 4, HOT_BIDDER = 4, INFLIGHT = 100, ACTIVE_PEOPLE = 1000;

  int kind;
  int text;     // index into the pool of names or extras
  long id;      // the person's or auction's own, or the auction that a bid is on
  long ref;     // an auction's seller, a bid's bidder
  long number;  // an auction's category, a bid's price in cents
  long time;    // milliseconds since the first event, as expires
  long expires; // differs from time for an auction alone

  private static long lastPerson(long i) {
    return i / 50;
  }

  private static long lastAuction(long i) {
    long epoch = i / 50, off = i % 50;
    if (off < 1) {
      epoch--;
      off = 2;
    } else if (off >= 4) {
      off = 2;
    } else {
      off -= 1;
    }
    return epoch * 3 + off;
  }

  private static long nextPerson(long i, long h) {
    long n = lastPerson(i) + 1;
    long active = Math.min(n, ACTIVE_PEOPLE);
    return n - active + Gen.scale(h, active + 10);
  }

  /** Makes this event i of a stream with rate events per second of event time. */
  void fill(long i, double rate) {
    long off = i % 50;
    time = (long) (i * 1000.0 / rate);
    long h = Gen.hash(i), h2 = Gen.mix(h), h3 = Gen.mix(h2);
    text = (int) (h3 & 15);
    if (off == 0) person(i);
    else if (off < 4) auction(i, rate, h, h2, h3);
    else bid(i, h, h2, h3);
  }

  private void person(long i) {
    kind = PERSON;
    id = FIRST_ID + lastPerson(i);
    ref = 0;
    number = 0;
    expires = time;
  }

  private void auction(long i, double rate, long h, long h2, long h3) {
    kind = AUCTION;
    id = FIRST_ID + lastAuction(i);
    ref = FIRST_ID + (Gen.scale(h, HOT_SELLER) > 0 ? lastPerson(i) / 100 * 100 : nextPerson(i, h2));
    number = 10 + Gen.scale(h3, 5);
    long horizon = (long) (INFLIGHT * 50 / 3 * 1000.0 / rate);
    expires = time + 1 + Gen.scale(Gen.mix(h3), Math.max(horizon * 2, 1));
  }

  private void bid(long i, long h, long h2, long h3) {
    kind = BID;
    long last = lastAuction(i);
    if (Gen.scale(h, HOT_AUCTION) > 0) {
      id = last / 100 * 100;
    } else {
      long oldest = Math.max(last - INFLIGHT, 0);
      id = oldest + Gen.scale(h2, last - oldest + 1);
    }
    id += FIRST_ID;
    ref = FIRST_ID + (Gen.scale(Gen.mix(h + 1), HOT_BIDDER) > 0 ? lastPerson(i) / 100 * 100 + 1 : nextPerson(i, Gen.mix(h2 + 1)));
    number = Math.round(Math.pow(10.0, (h3 >>> 11) * 0x1p-53 * 6.0) * 100.0);
    expires = time;
  }
}
