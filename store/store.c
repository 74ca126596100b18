/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.c - opening the database, its schema and its transactions. Runs in
 * kororad; read-only also in the client.
 *
 * The database is in WAL mode with synchronous=FULL: a commit is one append
 * to the log and one fsync, and readers never stop the writer.
 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/query.h"

#define APPLICATION_ID	0x4b52524du	/* "KRRM" in the database's header */

/* schema[n] leads from version n to n + 1. Never edit one that was released. */
static const char *const schema[KR_STORE_SCHEMA] = {
	"CREATE TABLE vm ("
	"  name TEXT PRIMARY KEY, definition TEXT NOT NULL,"
	"  digest BLOB NOT NULL, epoch INTEGER NOT NULL,"
	"  state INTEGER NOT NULL, peer TEXT NOT NULL,"
	"  updated_ms INTEGER NOT NULL) STRICT;"
	"CREATE TABLE host ("
	"  name TEXT PRIMARY KEY, address TEXT NOT NULL,"
	"  fingerprint TEXT NOT NULL, added_ms INTEGER NOT NULL,"
	"  added_by TEXT NOT NULL) STRICT;"
	"CREATE TABLE trust ("
	"  name TEXT PRIMARY KEY, pem TEXT NOT NULL,"
	"  added_ms INTEGER NOT NULL) STRICT;"
	"CREATE TABLE user ("
	"  name TEXT NOT NULL, role TEXT NOT NULL, granted_by TEXT NOT NULL,"
	"  at_ms INTEGER NOT NULL, PRIMARY KEY (name, role)) STRICT;"
	"CREATE TABLE migration ("
	"  id BLOB PRIMARY KEY, role INTEGER NOT NULL, vm TEXT NOT NULL,"
	"  peer TEXT NOT NULL, state INTEGER NOT NULL,"
	"  finished INTEGER NOT NULL, started_ms INTEGER NOT NULL,"
	"  ended_ms INTEGER NOT NULL, requested_by TEXT NOT NULL,"
	"  doc BLOB NOT NULL, error INTEGER NOT NULL, what TEXT NOT NULL,"
	"  result TEXT NOT NULL) STRICT;"
	"CREATE INDEX migration_by_time ON migration (started_ms);"
	"CREATE INDEX migration_open ON migration (started_ms)"
	"  WHERE finished = 0;"
	"CREATE TABLE receipt ("
	"  migration BLOB PRIMARY KEY REFERENCES migration (id),"
	"  vm TEXT NOT NULL, peer TEXT NOT NULL, at_ms INTEGER NOT NULL,"
	"  envelope TEXT NOT NULL) STRICT;"
	"CREATE INDEX receipt_by_time ON receipt (at_ms);"
	"CREATE TABLE log ("
	"  idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL) STRICT;"
	"CREATE TABLE checkpoint ("
	"  size INTEGER PRIMARY KEY, root BLOB NOT NULL,"
	"  note TEXT NOT NULL, cosignature TEXT NOT NULL) STRICT;"
	"CREATE TABLE witness ("
	"  host TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL,"
	"  note TEXT NOT NULL) STRICT;"
	"CREATE TABLE kv ("
	"  key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;",
	/* peers do not sign each other's checkpoints; nobody used kv */
	"DROP TABLE witness; DROP TABLE kv;"
	"ALTER TABLE checkpoint DROP COLUMN cosignature;",
	"CREATE TABLE policy ("
	"  version INTEGER PRIMARY KEY, name TEXT NOT NULL,"
	"  digest BLOB NOT NULL, at_ms INTEGER NOT NULL,"
	"  bundle BLOB NOT NULL) STRICT;"
	/* hosts vouch for each other's logs: what that takes */
	"CREATE TABLE node ("
	"  level INTEGER NOT NULL, idx INTEGER NOT NULL, hash BLOB NOT NULL,"
	"  PRIMARY KEY (level, idx)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE witness ("
	"  host TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL,"
	"  note TEXT NOT NULL, refused INTEGER NOT NULL) STRICT;"
	"CREATE TABLE cosignature ("
	"  host TEXT PRIMARY KEY, size INTEGER NOT NULL,"
	"  line TEXT NOT NULL) STRICT;"
	/* requests that wait for others, what these sign, and with which key */
	"CREATE TABLE userkey ("
	"  keyid BLOB PRIMARY KEY, user TEXT NOT NULL, pem TEXT NOT NULL,"
	"  added_by TEXT NOT NULL, added_ms INTEGER NOT NULL) STRICT;"
	"CREATE TABLE request ("
	"  id BLOB PRIMARY KEY, vm TEXT NOT NULL, definition BLOB NOT NULL,"
	"  epoch INTEGER NOT NULL, to_host TEXT NOT NULL,"
	"  to_keyid BLOB NOT NULL, policy TEXT NOT NULL,"
	"  policy_version INTEGER NOT NULL, policy_digest BLOB NOT NULL,"
	"  requester TEXT NOT NULL, params TEXT NOT NULL,"
	"  needed INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
	"  expires_ms INTEGER NOT NULL, state INTEGER NOT NULL) STRICT;"
	"CREATE INDEX request_by_time ON request (created_ms);"
	"CREATE TABLE approval ("
	"  request BLOB NOT NULL REFERENCES request (id),"
	"  approver TEXT NOT NULL, decision TEXT NOT NULL,"
	"  keyid BLOB NOT NULL, at_ms INTEGER NOT NULL,"
	"  envelope TEXT NOT NULL,"
	"  PRIMARY KEY (request, approver, decision)) STRICT;",
	/* where the log tells of a policy, and what peers' logs told of theirs */
	"ALTER TABLE policy ADD COLUMN entry INTEGER NOT NULL DEFAULT 0;"
	"UPDATE policy SET entry = coalesce((SELECT max(idx) FROM log WHERE"
	"  CASE WHEN json_valid(CAST(leaf AS TEXT)) THEN"
	"  CAST(leaf AS TEXT) ->> '$.event' = 'policy-in-force' AND"
	"  CAST(leaf AS TEXT) ->> '$.detail.version' = policy.version"
	"  END), 0);"
	"ALTER TABLE witness ADD COLUMN policy_version INTEGER NOT NULL"
	"  DEFAULT 0;"
	"ALTER TABLE witness ADD COLUMN policy_digest BLOB NOT NULL"
	"  DEFAULT x'00000000000000000000000000000000"
	"00000000000000000000000000000000';",
	/* whose VM it is about; "": nobody knows, of what is older */
	"ALTER TABLE request ADD COLUMN tenant TEXT NOT NULL DEFAULT '';"
	/* of which migration an entry is, in hex; "": of none */
	"ALTER TABLE log ADD COLUMN migration TEXT NOT NULL DEFAULT '';"
	"UPDATE log SET migration ="
	"  json_extract(CAST(leaf AS TEXT), '$.migration')"
	"  WHERE CASE WHEN json_valid(CAST(leaf AS TEXT)) THEN"
	"  json_type(CAST(leaf AS TEXT), '$.migration') = 'text' END;"
	"CREATE INDEX log_of_migration ON log (migration)"
	"  WHERE migration <> '';",
	/* what the last ones took is looked up before each that follows */
	"CREATE INDEX migration_of_vm ON migration (vm, started_ms)"
	"  WHERE finished = 1 AND error = 0;"
	"CREATE INDEX migration_with_peer ON migration (peer, started_ms)"
	"  WHERE finished = 1 AND error = 0;",
	/* what no rule deals with is put before a person, too */
	"ALTER TABLE request ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE request ADD COLUMN procedure TEXT NOT NULL"
	"  DEFAULT 'migrate';"
	"ALTER TABLE request ADD COLUMN item TEXT NOT NULL DEFAULT '';"
	"UPDATE request SET item = 'vm:' || vm;",
	/* what a VM wrote is of its class, also when it is no more */
	"CREATE TABLE file ("
	"  path TEXT NOT NULL, inode INTEGER NOT NULL, vm TEXT NOT NULL,"
	"  tenant TEXT NOT NULL, writes INTEGER NOT NULL,"
	"  PRIMARY KEY (path, vm)) STRICT;"
	"CREATE INDEX file_by_inode ON file (inode);"
	"CREATE INDEX file_by_vm ON file (vm);",
	/* what hosts may boot, signed; what was removed stays, as revoked */
	"CREATE TABLE reference ("
	"  name TEXT PRIMARY KEY, version INTEGER NOT NULL,"
	"  envelope TEXT NOT NULL, signed_by TEXT NOT NULL,"
	"  added_by TEXT NOT NULL, added_ms INTEGER NOT NULL,"
	"  revoked_by TEXT NOT NULL, revoked_ms INTEGER NOT NULL) STRICT;",
	/* whose TPM signs what a peer booted; a key is one host's */
	"CREATE TABLE ak ("
	"  host TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, pub BLOB NOT NULL,"
	"  ek_subject TEXT NOT NULL, ek_issuer TEXT NOT NULL,"
	"  ek_vouched INTEGER NOT NULL, enrolled_by TEXT NOT NULL,"
	"  enrolled_ms INTEGER NOT NULL) STRICT;",
};

static int run(struct kr_store *s, const char *sql, struct kr_err *e)
{
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return kr_query_fail(s, e);
	return 0;
}

static int pragma_int(struct kr_store *s, const char *sql, int64_t *ret_v,
		      struct kr_err *e)
{
	KR_AUTO(kr_query_close) struct kr_query q = { 0 };
	int r = kr_query_open(&q, s, sql, e);

	if (r || (r = kr_query_step(&q, e)) < 0)
		return r;
	*ret_v = r ? (int64_t)kr_query_get_u64(&q) : 0;
	return 0;
}

/* One transaction for all steps: a crash leaves the old version whole. */
static int upgrade(struct kr_store *s, struct kr_err *e)
{
	int64_t app = 0, version = 0, n_tables = 0;
	char sql[80];
	int r;

	if ((r = run(s, "BEGIN IMMEDIATE", e)) ||
	    (r = pragma_int(s, "PRAGMA application_id", &app, e)) ||
	    (r = pragma_int(s, "PRAGMA user_version", &version, e)) ||
	    (r = pragma_int(s, "SELECT count(*) FROM sqlite_schema",
			    &n_tables, e)))
		goto undo;
	if (n_tables && app != APPLICATION_ID)
		r = kr_fail(e, KR_E_STORE, "%s is not a korora store", s->path);
	else if (version < 0 || version > KR_STORE_SCHEMA)
		r = kr_fail(e, KR_E_STORE, "%s has schema %lld, this release "
			    "knows %d: it was written by a newer one", s->path,
			    (long long)version, KR_STORE_SCHEMA);
	for (int64_t v = version; !r && v < KR_STORE_SCHEMA; v++)
		r = run(s, schema[v], e);
	snprintf(sql, sizeof(sql),
		 "PRAGMA application_id = %u; PRAGMA user_version = %d",
		 APPLICATION_ID, KR_STORE_SCHEMA);
	if (!r && version < KR_STORE_SCHEMA)
		r = run(s, sql, e);
	if (!r)
		return run(s, "COMMIT", e);
undo:
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static int check_reader(struct kr_store *s, struct kr_err *e)
{
	int64_t app = 0, version = 0;
	int r;

	if ((r = pragma_int(s, "PRAGMA application_id", &app, e)) ||
	    (r = pragma_int(s, "PRAGMA user_version", &version, e)))
		return r;
	if (app != APPLICATION_ID || version != KR_STORE_SCHEMA)
		return kr_fail(e, KR_E_STORE, "%s is not a korora store of "
			       "this release", s->path);
	return 0;
}

/* SQLite gives its companions the database's mode, so set that first. */
static int make_file(const char *path, struct kr_err *e)
{
	KR_AUTO(kr_fd_autoclose) int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || fchmod(fd, 0600))
		return kr_fail(e, KR_E_STORE, "cannot open %s: %s", path,
			       strerror(errno));
	return 0;
}

int kr_store_open(const char *path, enum kr_store_mode mode,
		  struct kr_store **ret_s, struct kr_err *e)
{
	KR_AUTO(kr_store_autofree) struct kr_store *s = NULL;
	bool write = mode == KR_STORE_WRITE;
	int r;

	if (strlen(path) >= KR_STORE_PATH_BYTES)
		return kr_fail(e, KR_E_STORE, "the store's path is too long");
	if (write && (r = make_file(path, e)))
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return kr_fail(e, KR_E_STORE, "out of memory");
	snprintf(s->path, sizeof(s->path), "%s", path);
	s->read_only = !write;
	if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_NOMUTEX |
			    (write ? SQLITE_OPEN_READWRITE :
				     SQLITE_OPEN_READONLY), NULL) != SQLITE_OK)
		return kr_query_fail(s, e);
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, KR_STORE_BUSY_MS);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if ((r = run(s, "PRAGMA foreign_keys = ON;"
			"PRAGMA cell_size_check = ON", e)))
		return r;
	if (!write)
		r = check_reader(s, e);
	else if (!(r = run(s, "PRAGMA journal_mode = WAL;"
			      "PRAGMA synchronous = FULL", e)))
		r = upgrade(s, e);
	if (r)
		return r;
	*ret_s = s;
	s = NULL;
	return 0;
}

const char *kr_store_path(const struct kr_store *s)
{
	return s->path;
}

int kr_store_begin(struct kr_store *s, struct kr_err *e)
{
	int r;

	if (s->in_tx)
		return kr_fail(e, KR_E_STORE, "a transaction is open already");
	r = run(s, s->read_only ? "BEGIN" : "BEGIN IMMEDIATE", e);
	s->in_tx = !r;
	return r;
}

static void ended(struct kr_store *s, bool committed)
{
	s->in_tx = false;
	if (s->on_end)
		s->on_end(s->on_end_arg, committed);
}

int kr_store_commit(struct kr_store *s, struct kr_err *e)
{
	int r;

	if (!s->in_tx)
		return kr_fail(e, KR_E_STORE, "no transaction is open");
	r = run(s, "COMMIT", e);
	if (r) {
		int rc = sqlite3_errcode(s->db) & 255;

		/* the frame that makes it a commit is written last */
		s->in_doubt = rc != SQLITE_FULL && rc != SQLITE_BUSY;
		kr_store_rollback(s);
		return r;
	}
	s->in_doubt = false;
	ended(s, true);
	return 0;
}

bool kr_store_in_doubt(const struct kr_store *s)
{
	return s->in_doubt;
}

void kr_store_rollback(struct kr_store *s)
{
	if (!s->in_tx)
		return;
	/* Fails only when SQLite has rolled back by itself already. */
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	ended(s, false);
}

bool kr_store_in_tx(const struct kr_store *s)
{
	return s->in_tx;
}

void kr_store_on_end(struct kr_store *s, void (*fn)(void *arg, bool committed),
		     void *arg)
{
	s->on_end = fn;
	s->on_end_arg = arg;
}

void kr_store_free(struct kr_store *s)
{
	if (!s)
		return;
	if (s->db)
		kr_store_rollback(s);
	sqlite3_close_v2(s->db);
	free(s);
}
