import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.flink.streaming.api.functions.source.legacy.SourceFunction;
import org.apache.flink.streaming.api.watermark.Watermark;

/**
 * Emits a file's records with their times and, after those that have one, a watermark, so that each run is the same.
 *
 * <p>Lines are side,key,value,at,watermark. A watermark of t says that no record before t is to come, which in Flink's terms is a
 * watermark of t - 1. With sides, only the records of these are emitted, and all watermarks.
 */
final class Replay implements SourceFunction<Rec> {
  private final String sides;
  private final List<String> lines;

  Replay(Path file, String sides) throws Exception {
    this.sides = sides;
    this.lines = List.copyOf(Files.readAllLines(file));
  }

  @Override
  public void run(SourceContext<Rec> out) {
    for (String line : lines.subList(1, lines.size())) {
      String[] field = line.split(",", -1);
      if (sides.contains(field[0])) {
        long at = Long.parseLong(field[3]);
        out.collectWithTimestamp(new Rec(field[0], field[1], Long.parseLong(field[2]), at), at);
      }
      if (!field[4].isEmpty()) out.emitWatermark(new Watermark(Long.parseLong(field[4]) - 1));
    }
  }

  @Override
  public void cancel() {}
}
