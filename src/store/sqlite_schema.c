/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/sqlite_schema.c - the schema as SQL text.
 *
 * The store trusts the functions in views, for SQLite 3.40 takes json_extract for unsafe in an untrusted schema; so the
 * text of every entry is compared when a database is opened. kv has the kernel's keys (ARCHITECTURE.md, "Stored keys").
 * The views take those keys apart for people; the kernel never reads them. A view walks only the key range of its own
 * rows, and sorts by number where keys hold one (v2 before v10):
 *
 *   v_vat      vat.vN (JSON), live.vN, suspended.vN (JSON)
 *   v_object   koN.refCount "reachable,recognizable", koN.owner, koN.revoked
 *   v_promise  kpN.state, .decider, .refCount, .subscribers, .value
 *   v_clist    vN.c.kref "R vref" or "_ vref"
 *   v_queue    queue.run.N, queue.kpN.M, queue.vN.M (JSON). `result` is the promise that a message will settle or that
 * a notify tells of; `method` is empty where the item is no message or the message is a plain function call.
 */
#include "store/sqlite_schema.h"

#include <stddef.h>
#include <strings.h>

const struct sqlite_schema_entry sqlite_schema_entries[] = {
    {"kv", "CREATE TABLE kv (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"},

    {"kv_vatstore", "CREATE TABLE kv_vatstore (vatID TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
                    " PRIMARY KEY (vatID, key)) WITHOUT ROWID"},

    {"bundle", "CREATE TABLE bundle (hash TEXT NOT NULL PRIMARY KEY, code BLOB NOT NULL) WITHOUT ROWID"},

    {"v_vat", "CREATE VIEW v_vat AS\n"
              "SELECT id, json_extract(record, '$.name') AS name, json_extract(record, '$.subcluster') AS subcluster,\n"
              "  json_extract(record, '$.root') AS root, json_extract(record, '$.bundle') AS bundle,\n"
              "  EXISTS (SELECT 1 FROM kv WHERE key = 'live.' || id) AS live,\n"
              "  (SELECT json_extract(value, '$.cause') FROM kv WHERE key = 'suspended.' || id) AS suspended\n"
              "FROM (SELECT substr(key, 5) AS id, value AS record FROM kv\n"
              "      WHERE key >= 'vat.v' AND key < 'vat.w' AND key GLOB 'vat.v[0-9]*')\n"
              "ORDER BY CAST(substr(id, 2) AS INTEGER)"},

    {"v_object", "CREATE VIEW v_object AS\n"
                 "SELECT kref, (SELECT value FROM kv WHERE key = kref || '.owner') AS owner,\n"
                 "  CAST(counts AS INTEGER) AS reachable,\n"
                 "  CAST(substr(counts, instr(counts, ',') + 1) AS INTEGER) AS recognizable,\n"
                 "  EXISTS (SELECT 1 FROM kv WHERE key = kref || '.revoked' AND value = 'true') AS revoked\n"
                 "FROM (SELECT substr(key, 1, instr(key, '.') - 1) AS kref, value AS counts FROM kv\n"
                 "      WHERE key >= 'ko' AND key < 'kp' AND key GLOB 'ko[0-9]*.refCount')\n"
                 "ORDER BY CAST(substr(kref, 3) AS INTEGER)"},

    {"v_promise", "CREATE VIEW v_promise AS\n"
                  "SELECT kref, state, (SELECT value FROM kv WHERE key = kref || '.decider') AS decider,\n"
                  "  (SELECT CAST(value AS INTEGER) FROM kv WHERE key = kref || '.refCount') AS refs,\n"
                  "  (SELECT value FROM kv WHERE key = kref || '.subscribers') AS subscribers,\n"
                  "  (SELECT value FROM kv WHERE key = kref || '.value') AS value\n"
                  "FROM (SELECT substr(key, 1, instr(key, '.') - 1) AS kref, value AS state FROM kv\n"
                  "      WHERE key >= 'kp' AND key < 'kq' AND key GLOB 'kp[0-9]*.state')\n"
                  "ORDER BY CAST(substr(kref, 3) AS INTEGER)"},

    {"v_clist", "CREATE VIEW v_clist AS\n"
                "SELECT vat, kref, vref, reachable\n"
                "FROM (SELECT substr(key, 1, instr(key, '.') - 1) AS vat, substr(key, instr(key, '.c.') + 3) AS kref,\n"
                "        substr(value, 3) AS vref, substr(value, 1, 1) = 'R' AS reachable FROM kv\n"
                "      WHERE key >= 'v' AND key < 'w' AND key GLOB 'v[0-9]*.c.k[op][0-9]*')\n"
                "ORDER BY CAST(substr(vat, 2) AS INTEGER), substr(kref, 1, 2), CAST(substr(kref, 3) AS INTEGER)"},

    {"v_queue", "CREATE VIEW v_queue AS\n"
                "SELECT queue, position, json_extract(item, '$.type') AS type,\n"
                "  coalesce(json_extract(item, '$.target'), json_extract(item, '$.endpointId')) AS target,\n"
                "  CASE WHEN json_valid(methargs) THEN json_extract(methargs, '$[0]') END AS method,\n"
                "  coalesce(json_extract(item, '$.message.result'), json_extract(item, '$.kpid')) AS result, item\n"
                "FROM (SELECT substr(rest, 1, instr(rest, '.') - 1) AS queue,\n"
                "        CAST(substr(rest, instr(rest, '.') + 1) AS INTEGER) AS position, item,\n"
                "        substr(json_extract(item, '$.message.methargs.body'), 2) AS methargs\n"
                "      FROM (SELECT substr(key, 7) AS rest, value AS item FROM kv\n"
                "            WHERE key >= 'queue.' AND key < 'queue/' AND key GLOB 'queue.*.[0-9]*'))\n"
                "ORDER BY queue, position"},

    {NULL, NULL},
};

const char sqlite_schema_first_rows[] = "INSERT INTO kv VALUES ('store.epoch', '0'), ('store.commit', '0 0'), "
                                        "('store.token', '0')";

static const char *const readable_tables[] = {
    "kv",      "kv_vatstore", "bundle",        "v_vat",         "v_object",  "v_promise",
    "v_clist", "v_queue",     "sqlite_schema", "sqlite_master", "json_each", "json_tree",
};

bool sqlite_schema_is_readable(const char *table)
{
  for (size_t i = 0; i < sizeof readable_tables / sizeof *readable_tables; i++) {
    if (strcasecmp(readable_tables[i], table) == 0)
      return true;
  }
  return false;
}

static const char *const internal_tables[] = {"dbstat", "fts3tokenize", "bytecode", "tables_used"};

bool sqlite_schema_is_internal(const char *table)
{
  if (strncasecmp(table, "pragma_", 7) == 0 || strncasecmp(table, "sqlite_", 7) == 0)
    return true;
  for (size_t i = 0; i < sizeof internal_tables / sizeof *internal_tables; i++) {
    if (strcasecmp(internal_tables[i], table) == 0)
      return true;
  }
  return false;
}
