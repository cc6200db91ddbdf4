import java.util.ArrayList;
import java.util.List;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.streaming.api.windowing.windows.Window;
import org.apache.flink.util.Collector;

/** A line for each firing: key, start-end in milliseconds, and the values in ascending order. */
final class Contents<W extends Window> extends ProcessWindowFunction<Rec, String, String, W> {
  @Override
  public void process(String key, Context context, Iterable<Rec> records, Collector<String> out) {
    out.collect(key + " " + span(context.window()) + ": " + values(records));
  }

  static String span(Window window) {
    return window instanceof TimeWindow time ? time.getStart() + "-" + time.getEnd() : "all";
  }

  static String values(Iterable<Rec> records) {
    List<Long> values = new ArrayList<>();
    for (Rec r : records) values.add(r.value);
    values.sort(null);
    return join(values);
  }

  static String join(List<?> values) {
    StringBuilder text = new StringBuilder();
    for (Object v : values) text.append(text.length() == 0 ? "" : " ").append(v);
    return text.toString();
  }
}
