// Workload W6 straight on RocksDB (Debian's librocksdb-dev): Get, add one, Put, no WAL; block cache and memtables share the budget.
// Arguments are name=value pairs; prints one line of JSON.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>
#include <rocksdb/write_buffer_manager.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

constexpr uint64_t kSalt = 0x9E3779B97F4A7C15ULL;
constexpr size_t kValueSize = 100;

uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

uint64_t hash(uint64_t i) { return mix((i + 1) * kSalt); }

uint64_t scale(uint64_t h, uint64_t n) { return static_cast<uint64_t>((static_cast<unsigned __int128>(h >> 1) * (n << 1)) >> 64); }

struct Arguments {
  std::map<std::string, std::string> values;

  Arguments(int argc, char** argv) {
    for (int i = 1; i < argc; i++) {
      std::string arg = argv[i];
      size_t equals = arg.find('=');
      if (equals == std::string::npos) throw std::invalid_argument("argument " + arg + ": want name=value");
      values[arg.substr(0, equals)] = arg.substr(equals + 1);
    }
  }
  uint64_t number(const char* name, uint64_t absent) const {
    auto found = values.find(name);
    return found == values.end() ? absent : std::stoull(found->second);
  }
  std::string text(const char* name, const std::string& absent) const {
    auto found = values.find(name);
    return found == values.end() ? absent : found->second;
  }
};

void check(const rocksdb::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

// The options are those of Flink's RocksDB backend, with its split of the budget (write-buffer-ratio 0.5).
std::unique_ptr<rocksdb::DB> open_store(const std::string& dir, uint64_t budget) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.max_background_jobs = 2;
  auto cache = rocksdb::NewLRUCache(budget / 6 * 5, -1, false, 0.1);
  options.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(budget / 3, cache);
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.pin_top_level_index_and_filter = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::DB* db = nullptr;
  check(rocksdb::DB::Open(options, dir, &db));
  return std::unique_ptr<rocksdb::DB>(db);
}

// A key's first value: an 8-byte counter, then bytes that do not compress.
void first_value(char* value, uint64_t key) {
  memset(value, 0, 8);
  uint64_t bits = key;
  for (size_t i = 8; i < kValueSize; i++) {
    value[i] = static_cast<char>(bits);
    bits = bits >> 8 | bits << 56;
    if ((i & 7) == 7) bits = mix(bits);
  }
}

// Store counts in a key's value.
class Store {
 public:
  explicit Store(rocksdb::DB* db) : db_(db) { write_.disableWAL = true; }

  uint64_t add_one(uint64_t key) {
    char bytes[8], value[kValueSize];
    for (int i = 0; i < 8; i++) bytes[i] = static_cast<char>(key >> (56 - 8 * i));
    rocksdb::Slice slice(bytes, sizeof bytes);
    found_.Reset();
    rocksdb::Status status = db_->Get(read_, db_->DefaultColumnFamily(), slice, &found_);
    if (status.IsNotFound()) {
      first_value(value, key);
    } else {
      check(status);
      memcpy(value, found_.data(), kValueSize);
    }
    uint64_t count;
    memcpy(&count, value, sizeof count);
    count++;
    memcpy(value, &count, sizeof count);
    check(db_->Put(write_, slice, rocksdb::Slice(value, kValueSize)));
    return count;
  }

 private:
  rocksdb::DB* db_;
  rocksdb::WriteOptions write_;
  rocksdb::ReadOptions read_;
  rocksdb::PinnableSlice found_;
};

double cpu_seconds() {
  rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

long max_rss_mb() {
  rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_maxrss / 1024;
}

void run(const Arguments& args) {
  using clock = std::chrono::steady_clock;
  const uint64_t n = args.number("n", 1000000), warm = args.number("warm", 0);
  const uint64_t keys = args.number("keys", 1000000), preload = args.number("preload", 0);
  auto db = open_store(args.text("dir", "/tmp") + "/db", args.number("managedmb", 512) << 20);
  Store store(db.get());
  clock::time_point began;
  double began_cpu = 0;
  uint64_t out = 0, sum = 0;
  for (uint64_t i = 0; i < n; i++) {
    if (i == warm) {
      began = clock::now();
      began_cpu = cpu_seconds();
    }
    sum += store.add_one(mix((i < preload ? i : scale(hash(i), keys)) + kSalt));
    out++;
  }
  const double wall = std::chrono::duration<double>(clock::now() - began).count(), cpu = cpu_seconds() - began_cpu;
  const double events = static_cast<double>(n - warm);
  double load = 0;
  getloadavg(&load, 1);
  const std::string engine = args.text("engine", "rocksdb-cpp");
  printf(
      "{\"workload\":\"%s\",\"engine\":\"%s\",\"version\":\"rocksdb %d.%d.%d\",\"parallelism\":1,\"events\":%.0f,\"wall_s\":%.2f,"
      "\"cpu_s\":%.2f,\"events_per_s\":%.0f,\"events_per_cpu_s\":%.0f,\"max_rss_mb\":%ld,\"warm\":%ju,\"keys\":%ju,\"rate\":0,"
      "\"out\":%ju,\"sum\":%ju,\"load1\":%.2f}\n",
      args.text("name", "W6").c_str(), args.text("label", engine).c_str(), ROCKSDB_MAJOR, ROCKSDB_MINOR, ROCKSDB_PATCH, events, wall, cpu,
      events / wall, events / cpu, max_rss_mb(), static_cast<uintmax_t>(warm), static_cast<uintmax_t>(keys), static_cast<uintmax_t>(out),
      static_cast<uintmax_t>(sum), load);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(Arguments(argc, argv));
  } catch (const std::exception& e) {
    fprintf(stderr, "rmw: %s\n", e.what());
    return 1;
  }
}
