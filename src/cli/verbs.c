/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verbs.c - see verbs.h. The order is that of the help page: what one needs first comes first. */
#include "cli/verbs.h"
#include "base/check.h"
#include "cli/commands.h"

#include <string.h>

#define MAX_NAME 32

const struct option_spec verbs_global_options[] = {
    {OPTION_HOME, "home", 0, "DIR", "where the daemon keeps everything (see `vat where`)"},
    {OPTION_OUTPUT, "output", 'o', "text|json", "how results are written"},
    {OPTION_HELP, "help", 'h', NULL, "this text"},
    {OPTION_VERSION, "version", 0, NULL, "the version"},
    {0},
};

const struct verb verbs[] = {
    {
        "run",
        "FILE... [--name NAME] | --config FILE",
        "launch vats and print them with their root objects",
        "Each FILE is a vat: source (.js, .ts, .mjs, .mts), which is bundled first, a bundle (.bundle) made by\n"
        "`vat bundle` or by upstream's tools, or the executable of a vat in C. The vats of one `run` form a subcluster; `bootstrap` of the first is "
        "called\n"
        "with the roots of all by name. A vat is called after its file, or NAME when there is one FILE. A name that is "
        "in\n"
        "use already is refused. With --config the vats come from a cluster configuration, in which relative file "
        "names\n"
        "count from the configuration's directory.",
        "  vat run examples/counter.js\n"
        "  vat run counter.js --name visitors\n"
        "  vat run ./counter-vat --name counter\n"
        "  vat run --config cluster.json\n",
        0,
        -1,
        cmd_run,
        {{OPTION_NAME, "name", 0, "NAME", "the name of the vat"},
         {OPTION_CONFIG, "config", 0, "FILE", "a cluster configuration as JSON"},
         {OPTION_KEY, "key", 0, "KEY", "do it once: a second run with this key gives the first one's answer"}},
    },
    {
        "call",
        "TARGET METHOD [ARG...] [--raw]",
        "send a message and print the answer",
        "TARGET is a vat's name or id (its root object is meant) or a reference such as ko7. An ARG is JSON; a bare "
        "ko7\n"
        "or kp7 is a reference; whatever is not JSON is a string. Inside JSON a reference is {\"$ref\": \"ko7\"} and "
        "a\n"
        "bigint is {\"$bigint\": \"12\"}. The answer is printed as JSON, references as ko7, which later calls take "
        "again.\n"
        "When the object throws or rejects, `Name: message` goes to standard error and the exit status is 1.",
        "  vat call counter increment\n"
        "  vat call counter add 5 '{\"note\": \"five\"}'\n"
        "  vat call ko7 greet Ada\n"
        "  vat call bob meet ko7\n",
        2,
        -1,
        cmd_call,
        {{OPTION_RAW, "raw", 0, NULL, "print the answer as capdata, {body, slots}"},
         {OPTION_KEY, "key", 0, "KEY", "do it once: a second call with this key gives the first one's answer"}},
    },
    {
        "ls",
        "",
        "list the vats",
        "STATE is running, starting, hibernated (without a worker; the next message goes on with its heap), asleep (without a\n"
        "worker; the next message starts one from what the vat stores) or suspended (CAUSE says why; `vat resume`).",
        "  vat ls\n"
        "  vat ls -o json\n",
        0,
        0,
        cmd_ls,
        {{0}},
    },
    {
        "show",
        "NAME",
        "show one vat: state, configuration, what it keeps and whom it knows",
        "",
        "  vat show counter\n"
        "  vat show v1 -o json\n",
        1,
        1,
        cmd_show,
        {{0}},
    },
    {
        "store",
        "NAME [--prefix P]",
        "list a vat's persistent storage, in key order",
        "One row a line: key, tab, value; control characters are escaped. With -o json, an array of [key, value].",
        "  vat store counter\n"
        "  vat store counter --prefix vc.1.s\n",
        1,
        1,
        cmd_store,
        {{OPTION_PREFIX, "prefix", 0, "P", "only keys that start with P"}},
    },
    {
        "log",
        "[-f] [-n LINES]",
        "print what the vats and the daemon have logged",
        "With -o json, one JSON object a line.",
        "  vat log\n"
        "  vat log -f\n"
        "  vat log -n 20 -o json\n",
        0,
        0,
        cmd_log,
        {{OPTION_FOLLOW, "follow", 'f', NULL, "go on with new lines until interrupted"},
         {OPTION_LINES, "lines", 'n', "LINES", "how many old lines (default 100)"}},
    },
    {
        "ping",
        "NAME",
        "see whether a vat's worker answers, starting it if need be",
        "",
        "  vat ping counter\n",
        1,
        1,
        cmd_ping,
        {{0}},
    },
    {
        "kill",
        "NAME",
        "kill a vat's worker process, as a crash would",
        "Nothing that was answered is lost. The next message starts the vat again.",
        "  vat kill counter && vat call counter increment\n",
        1,
        1,
        cmd_kill,
        {{0}},
    },
    {
        "restart",
        "NAME",
        "end a vat's worker in order; a suspended vat runs again",
        "The next message starts it. What the vat keeps in its storage stays, what lived only in its heap is gone.",
        "  vat restart counter\n",
        1,
        1,
        cmd_restart,
        {{0}},
    },
    {
        "resume",
        "NAME",
        "let a suspended vat go on",
        "A vat that broke limits or crashed several times in a row is suspended: `vat show` says why. What was sent to it waits, up\n"
        "to 1,000 messages, and is delivered in order when it is resumed.",
        "  vat resume counter\n",
        1,
        1,
        cmd_resume,
        {{0}},
    },
    {
        "terminate",
        "NAME",
        "end a vat (or a subcluster, by its id) for ever and delete its storage",
        "",
        "  vat terminate counter\n"
        "  vat terminate s2\n",
        1,
        1,
        cmd_terminate,
        {{0}},
    },
    {
        "pin",
        "KREF",
        "hold an object, so that it is not collected",
        "An object that `vat call` printed is held already; this is for others, such as those of `vat sql`.",
        "  vat pin ko7\n",
        1,
        1,
        cmd_pin,
        {{0}},
    },
    {
        "release",
        "KREF",
        "let go of an object that is held",
        "What `vat call` prints, or `vat pin` holds, is kept until it is released. When nobody else needs it either, its vat is told.",
        "  vat release ko7\n",
        1,
        1,
        cmd_release,
        {{0}},
    },
    {
        "revoke",
        "KREF",
        "make an object useless for everybody, for ever",
        "What is sent to it from now on is rejected with [KERNEL:OBJECT_REVOKED], also what is on its way.",
        "  vat revoke ko7\n",
        1,
        1,
        cmd_revoke,
        {{0}},
    },
    {
        "status",
        "",
        "say whether the daemon runs, and what it has",
        "Exit status 3 when it does not run.",
        "  vat status\n"
        "  vat status -o json\n",
        0,
        0,
        cmd_status,
        {{0}},
    },
    {
        "start",
        "",
        "start the daemon if it does not run",
        "Verbs that need it do so by themselves.",
        "  vat start\n",
        0,
        0,
        cmd_start,
        {{0}},
    },
    {
        "stop",
        "",
        "stop the daemon and wait until it has ended",
        "Vats, messages under way and storage are there again at the next start. So are the heaps of vats in JavaScript (`vat ls`\n"
        "calls them hibernated), but for those whose configuration says \"idle\": \"sleep\".",
        "  vat stop\n",
        0,
        0,
        cmd_stop,
        {{0}},
    },
    {
        "reset",
        "--force",
        "delete all vats and everything they keep",
        "Also gets rid of a database that the daemon refuses to open, when no daemon runs.",
        "  vat reset --force\n",
        0,
        0,
        cmd_reset,
        {{OPTION_FORCE, "force", 0, NULL, "yes, really"}},
    },
    {
        "backup",
        "FILE [--force]",
        "copy the database while the daemon runs",
        "FILE becomes a whole database, as it is between two batches: what was answered before is in it. Vats go on meanwhile. It is\n"
        "checked before it gets its name, and only its owner can read it. A file of that name is replaced with --force only.",
        "  vat backup vats.backup\n"
        "  vat backup --force /mnt/backup/vats.sqlite\n",
        1,
        1,
        cmd_backup,
        {{OPTION_FORCE, "force", 0, NULL, "replace FILE"}},
    },
    {
        "restore",
        "FILE [--force]",
        "put a backup in the place of the database",
        "The daemon must not be running. FILE is checked first. With --force a database that is there is moved aside, to\n"
        "HOME/vatd.sqlite.before-restore.",
        "  vat stop && vat restore --force vats.backup\n"
        "  vat restore vats.backup --home /srv/vats\n",
        1,
        1,
        cmd_restore,
        {{OPTION_FORCE, "force", 0, NULL, "move the database that is there aside"}},
    },
    {
        "fsck",
        "[FILE]",
        "check all that a database holds, and say what is wrong",
        "The home's database, or FILE; nothing is changed. While a daemon runs, a copy is made and checked. One line for each finding:\n"
        "table, tab, key, tab, what is wrong. Exit status 0 when nothing is, 1 when something is, 3 when it could not be looked at.",
        "  vat fsck\n"
        "  vat fsck vats.backup -o json\n",
        0,
        1,
        cmd_fsck,
        {{0}},
    },
    {
        "gc",
        "",
        "ask the vats to collect their garbage",
        "Vats that are awake look for what they no longer use, and let go of it; its owners are told. It happens by itself\n"
        "after every 1000 messages to a vat. The answer does not wait for the end of it.",
        "  vat gc\n",
        0,
        0,
        cmd_gc,
        {{0}},
    },
    {
        "bundle",
        "FILE...|DIR [-o OUT]",
        "make bundles from source",
        "X.js becomes X.bundle beside it; a DIR stands for every *.js and *.ts directly in it. Imports are looked for "
        "as\n"
        "usual, and then among the packages that vatd ships (@endo/far, exo, patterns, marshal, promise-kit, ...).\n"
        "The daemon is not needed.",
        "  vat bundle counter.js\n"
        "  vat bundle src/ \n"
        "  vat bundle counter.ts -o - | wc -c\n",
        1,
        -1,
        cmd_bundle,
        {{OPTION_OUT, "out", 'o', "OUT", "the file to write, - for standard output (one FILE only)"}},
    },
    {
        "sql",
        "QUERY",
        "look at the database with one SQL SELECT",
        "Tables kv, kv_vatstore, bundle; views v_vat, v_object, v_promise, v_clist, v_queue. Reading only, and bounded "
        "in\n"
        "time and rows.",
        "  vat sql 'SELECT * FROM v_object'\n"
        "  vat sql \"SELECT key, value FROM kv_vatstore WHERE vatID = 'v1'\" -o json\n",
        1,
        1,
        cmd_sql,
        {{0}},
    },
    {
        "where",
        "",
        "print where everything is",
        "HOME is --home, else $VATD_HOME, else $XDG_STATE_HOME/vatd, else ~/.local/state/vatd.",
        "  vat where\n"
        "  cp \"$(vat where -o json | jq -r .log)\" .\n",
        0,
        0,
        cmd_where,
        {{0}},
    },
    {
        "help",
        "[VERB]",
        "explain vat or one of its verbs",
        "",
        "  vat help call\n",
        0,
        1,
        cmd_help,
        {{0}},
    },
    {
        "version",
        "",
        "print the version",
        "",
        "  vat version\n",
        0,
        0,
        cmd_version,
        {{0}},
    },
    {0},
};

const struct verb *verbs_find(const char *name)
{
  for (const struct verb *verb = verbs; verb->name; verb++) {
    if (strcmp(verb->name, name) == 0)
      return verb;
  }
  return NULL;
}

static size_t least_of(size_t a, size_t b, size_t c)
{
  size_t least = a < b ? a : b;
  return least < c ? least : c;
}

/* How many letters must be put in, left out or changed to get from one to the other (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
  size_t row[MAX_NAME + 1];
  size_t width = strlen(b);
  CHECK(width <= MAX_NAME);
  for (size_t j = 0; j <= width; j++)
    row[j] = j;
  for (size_t i = 0; a[i]; i++) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < width; j++) {
      size_t change = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = least_of(row[j] + 1, row[j + 1] + 1, change);
    }
  }
  return row[width];
}

const struct verb *verbs_nearest(const char *name)
{
  const struct verb *nearest = NULL;
  size_t best = strlen(name) <= 2 ? 2 : 3; /* farther away it is another word */
  for (const struct verb *verb = verbs; strlen(name) <= MAX_NAME && verb->name; verb++) {
    size_t far = distance(name, verb->name);
    if (far < best) {
      best = far;
      nearest = verb;
    }
  }
  return nearest;
}
