/** A record of an input file: a key, a number and an event time in milliseconds. */
public final class Rec {
  public String side;
  public String key;
  public long value;
  public long at;

  public Rec() {}

  Rec(String side, String key, long value, long at) {
    this.side = side;
    this.key = key;
    this.value = value;
    this.at = at;
  }

  @Override
  public String toString() {
    return key + " " + value + "@" + at;
  }
}
