// The control process's database: SQLite, WAL, two files of mode 0600 under data.dir.
//   huizhen.db  records (consults, links, used tokens, removals): synchronous=FULL, survives power loss
//   runtime.db  runtime state (participants, sessions, chat, media objects, the visits' logs): synchronous=NORMAL,
//               survives kill -9
// Writes collect in one transaction that hz_store_commit() ends; the caller commits before its answers leave.
// Errors of every function: -EBUSY (another writer for 5 s), -EROFS, -ENOSPC, -EACCES, -EBADMSG (corrupt),
// -ENOTSUP (made by a newer build), -ENOMEM, -EIO. Thread: the owner's.
#ifndef HZ_GATEWAY_STORE_STORE_H
#define HZ_GATEWAY_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#define HZ_STORE_ERROR_BYTES 256
#define HZ_STORE_HASH_BYTES  32 // SHA-256 of link codes, cookies, resume keys, token ids
#define HZ_STORE_ID_BYTES    65 // participant and consult ids with NUL

struct hz_store;

// Opens or makes the store in dir (made with 0700 when missing), migrates it. On failure writes one line
// "what, where, what to do" into error.
int hz_store_open(const char *dir, char error[HZ_STORE_ERROR_BYTES], struct hz_store **ret);

// Commits what is open and closes. NULL is allowed.
void hz_store_close(struct hz_store *store);

// Gives back what is cached of both files, as far as it is not in use.
void hz_store_release(struct hz_store *store);

// Ends the transaction that the first write since the last commit began. Nothing open: 0. On failure everything
// since the last commit is rolled back.
int hz_store_commit(struct hz_store *store);
void hz_store_rollback(struct hz_store *store);

// True while a transaction is open.
bool hz_store_dirty(const struct hz_store *store);

// 0 when both files take writes (for /readyz). Not inside a transaction: -EBUSY.
int hz_store_probe(struct hz_store *store);

// What was deleted or replaced is gone from the files when it returns, also from the log of the database. Not inside a transaction: -EBUSY;
// -EBUSY, too, while somebody else reads: then the log goes later.
int hz_store_scrub(struct hz_store *store);

// The last SQLite message, for a log line: no values from statements are in it.
const char *hz_store_message(const struct hz_store *store);

// Forgets what has expired: used tokens, idempotency answers, links a day after their end; of closed
// consults the chat at once, who was there after 30 days, the visit's log after 90, who was removed after 366.
int hz_store_sweep(struct hz_store *store, int64_t now_ms);

#endif
