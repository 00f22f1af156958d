/* Documents attached to records: fields of type `file`. The record holds what the
 * document is ({"name","sha256","size","type"}); its bytes are kept once for a SHA-256
 * in the store, so that one transaction covers both, every luyd of a shared store has
 * them, and a backup or a move takes them along.
 *
 * Bytes stay as long as a record or the history names them. What was brought and never
 * named goes after a while (registry_files_sweep); what lawful blanking took the name
 * from goes at once (personal.h).
 *
 * Thread-safe. Rights are those of the record and the field. */
#ifndef LUY_REGISTRY_ATTACH_H
#define LUY_REGISTRY_ATTACH_H
#include "registry/registry.h"

enum { FILE_BYTES_MAX = 60 << 20 }; /* whatever is configured: what one answer can carry */
/* What somebody sends; nothing of it is believed. */
struct file_in {
    str name, type, bytes; /* type: as declared, or empty */
    size_t max;            /* bytes */
};
struct file_out {
    str name, type; /* in the caller's arena */
};

/* Keeps the bytes for a record that is yet to name them; *out is the value of a field,
 * for a record or a change set. -EINVAL, -EFBIG, -EMEDIUMTYPE with what would be right. */
int registry_upload(struct registry *r, const struct actor *who, const struct file_in *in, json_t **out, struct err *e);
/* The same, and at once the value of the record's field: a change as registry_change. */
int registry_attach(struct registry *r, const struct actor *who, str kind, str id_or_key, int64_t rev, str field,
                    const struct file_in *in, json_t **out, struct errs *es, struct err *e);
/* Into *bytes; at_ns INT64_MAX: as it is now, else as the record was then. -ENOENT when
 * the field is empty, -EACCES when the field is for other roles, -EIO when the bytes
 * are gone or are not those that were attached. */
int registry_fetch(struct registry *r, const struct actor *who, str kind, str id_or_key, str field, int64_t at_ns,
                   struct arena *a, struct file_out *out, struct buf *bytes, struct err *e);

/* Every document that a record or the history names is read and hashed. */
struct file_fault {
    str kind, key, field, name, sha256;
    int64_t id;
    bool missing; /* else: other bytes than were attached */
};
typedef void file_fault_fn(void *ctx, const struct file_fault *f);
int registry_files_verify(struct registry *r, file_fault_fn *fn, void *ctx, uint64_t *files, struct err *e);
/* Takes away what came longer ago than grace_s seconds and is named nowhere. */
int registry_files_sweep(struct registry *r, int64_t grace_s, uint64_t *gone, struct err *e);
#endif
