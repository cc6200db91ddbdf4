#include "engine.h"

#include <stdlib.h>
#include <string.h>

static const char *no_memory = "out of memory";

static void fail(char **error, const char *text) {
  if (*error == NULL) *error = strdup(text);
}

// add makes room for so many bytes at the end.
static char *add(buffer *b, size_t bytes) {
  if (b->size - b->used < bytes) {
    size_t size = 2 * b->size + bytes;
    char *data = realloc(b->data, size);
    if (data == NULL) return NULL;
    b->data = data;
    b->size = size;
  }
  b->used += bytes;
  return b->data + b->used - bytes;
}

// take moves what was read to the end of the values, and says in place of the key's length how long it is.
static void take(rocksdb_pinnableslice_t *value, char *problem, int64_t *length, buffer *values, char **error) {
  *length = -1;
  if (problem != NULL) {
    fail(error, problem);
    rocksdb_free(problem);
  }
  if (value == NULL) return;
  size_t bytes = 0;
  const char *data = rocksdb_pinnableslice_value(value, &bytes);
  char *to = add(values, bytes);
  if (to == NULL) {
    fail(error, no_memory);
  } else {
    memcpy(to, data, bytes);
    *length = bytes;
  }
  rocksdb_pinnableslice_destroy(value);
}

void leat_get(rocksdb_t *db, rocksdb_column_family_handle_t *family, const rocksdb_readoptions_t *options, const char *keys,
              int64_t *lengths, size_t count, buffer *values, char **error) {
  values->used = 0;
  char *memory = malloc(count * (sizeof(char *) + sizeof(size_t) + sizeof(rocksdb_pinnableslice_t *) + sizeof(char *)));
  if (memory == NULL) {
    fail(error, no_memory);
    return;
  }
  const char **starts = (const char **)memory;
  size_t *sizes = (size_t *)(starts + count);
  rocksdb_pinnableslice_t **slices = (rocksdb_pinnableslice_t **)(sizes + count);
  char **problems = (char **)(slices + count);
  for (size_t i = 0; i < count; i++) {
    starts[i] = keys;
    sizes[i] = lengths[i];
    keys += lengths[i];
  }
  rocksdb_batched_multi_get_cf(db, options, family, count, starts, sizes, slices, problems, 1);
  for (size_t i = 0; i < count; i++) take(slices[i], problems[i], &lengths[i], values, error);
  free(memory);
}

size_t leat_next(rocksdb_iterator_t *it, size_t bytes, buffer *to, char **error) {
  size_t count = 0;
  to->used = 0;
  for (; to->used < bytes && rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
    size_t key_bytes = 0, value_bytes = 0;
    const char *key = rocksdb_iter_key(it, &key_bytes), *value = rocksdb_iter_value(it, &value_bytes);
    uint32_t head[2] = {key_bytes, value_bytes};
    char *at = add(to, sizeof(head) + key_bytes + value_bytes);
    if (at == NULL) {
      fail(error, no_memory);
      return count;
    }
    memcpy(at, head, sizeof(head));
    memcpy(at + sizeof(head), key, key_bytes);
    memcpy(at + sizeof(head) + key_bytes, value, value_bytes);
    count++;
  }
  rocksdb_iter_get_error(it, error);
  return count;
}

void leat_write(rocksdb_t *db, const rocksdb_writeoptions_t *options, const char *batch, size_t bytes, char **error) {
  rocksdb_writebatch_t *b = rocksdb_writebatch_create_from(batch, bytes);
  rocksdb_write(db, options, b, error);
  rocksdb_writebatch_destroy(b);
}
