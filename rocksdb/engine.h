#include <rocksdb/c.h>
#include <stddef.h>
#include <stdint.h>

// Calls of many records at once: a call from Go to C costs as much as some of them.

// buffer is memory of C for what comes back.
typedef struct {
  char *data;
  size_t used, size;
} buffer;

// leat_get reads the values of sorted keys, which lie one behind another. lengths are those of the keys, and become those of the
// values; -1: there is none.
void leat_get(rocksdb_t *db, rocksdb_column_family_handle_t *family, const rocksdb_readoptions_t *options, const char *keys,
              int64_t *lengths, size_t count, buffer *values, char **error);

// leat_next appends keys and values to a buffer, until it has so many bytes or there are no more: for each u32 length of key, u32 length
// of value, key, value. It returns how many.
size_t leat_next(rocksdb_iterator_t *it, size_t bytes, buffer *to, char **error);

// leat_write does a batch of writes in RocksDB's encoding.
void leat_write(rocksdb_t *db, const rocksdb_writeoptions_t *options, const char *batch, size_t bytes, char **error);
