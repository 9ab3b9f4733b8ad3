/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/journal.c - see journal.h. A log that cannot be written is no reason to stop: the kernel does not depend on it. */
#include "daemon/journal.h"
#include "base/limits.h"
#include "base/memory.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KEPT_LINES 1000
#define LIMIT_FILE (16 * MIB)
#define RELOADED_BYTES (256 * KIB)

static size_t size_of(const json_t *line)
{
  return json_string_length(json_object_get(line, "text"));
}

static void keep(struct journal *journal, json_t *line)
{
  json_array_append_new(journal->lines, line);
  journal->kept_bytes += size_of(line);
  while (json_array_size(journal->lines) > KEPT_LINES || journal->kept_bytes > LIMIT_LOG_MEMORY) {
    journal->kept_bytes -= size_of(json_array_get(journal->lines, 0));
    json_array_remove(journal->lines, 0);
  }
}

/* Fills the memory from the end of the file; a first line that is cut, and what is not JSON, is left out. */
static void reload(struct journal *journal)
{
  struct stat status;
  int fd = open(journal->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return;
  if (fstat(fd, &status) == 0) {
    off_t from = status.st_size > (off_t)RELOADED_BYTES ? status.st_size - (off_t)RELOADED_BYTES : 0;
    char *text = memory_zalloc(RELOADED_BYTES + 1);
    ssize_t count = pread(fd, text, RELOADED_BYTES, from);
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); count > 0 && line; line = strsep(&rest, "\n")) {
      json_t *json = json_loads(line, 0, NULL);
      if (json)
        keep(journal, json);
    }
    free(text);
  }
  close(fd);
}

static void open_file(struct journal *journal)
{
  struct stat status;
  journal->fd = open(journal->path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
  journal->size = journal->fd >= 0 && fstat(journal->fd, &status) == 0 ? (size_t)status.st_size : 0;
}

void journal_open(struct journal *journal, const char *path)
{
  *journal = (struct journal){.path = memory_strdup(path), .lines = json_array()};
  reload(journal);
  open_file(journal);
}

void journal_close(struct journal *journal)
{
  if (!journal || !journal->path)
    return;
  if (journal->fd >= 0)
    close(journal->fd);
  json_decref(journal->lines);
  free(journal->path);
  *journal = (struct journal){.fd = -1};
}

static void rotate(struct journal *journal)
{
  char *old = memory_printf("%s.1", journal->path);
  close(journal->fd);
  rename(journal->path, old);
  free(old);
  open_file(journal);
}

static json_t *json_time(void)
{
  struct timespec now;
  struct tm utc;
  char text[32];
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  size_t used = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(text + used, sizeof text - used, ".%03ldZ", now.tv_nsec / 1000000);
  return json_string(text);
}

static void set_text(json_t *line, const char *member, const char *text)
{
  if (!text || !*text)
    return;
  json_t *value = json_string(text);
  json_object_set_new(line, member, value ? value : json_string("(not UTF-8)"));
}

void journal_write(struct journal *journal, const char *vat, const char *name, const char *level, const char *text)
{
  json_t *line = json_object();
  json_object_set_new(line, "time", json_time());
  set_text(line, "vat", vat);
  set_text(line, "name", name);
  set_text(line, "level", level);
  json_object_set_new(line, "text", json_string(""));
  set_text(line, "text", text);
  char *dump = json_dumps(line, JSON_COMPACT);
  if (journal->fd >= 0 && dump && dprintf(journal->fd, "%s\n", dump) > 0)
    journal->size += strlen(dump) + 1;
  free(dump);
  if (journal->fd >= 0 && journal->size > LIMIT_FILE)
    rotate(journal);
  if (journal->on_line)
    journal->on_line(journal->context, line);
  keep(journal, line);
}

void journal_printf(struct journal *journal, const char *level, const char *format, ...)
{
  char text[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  journal_write(journal, NULL, NULL, level, text);
}

json_t *journal_last(const struct journal *journal, size_t count)
{
  size_t total = json_array_size(journal->lines);
  json_t *last = json_array();
  for (size_t i = count < total ? total - count : 0; i < total; i++)
    json_array_append(last, json_array_get(journal->lines, i));
  return last;
}
